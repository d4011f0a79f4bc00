package dev.berth.core.guest;

/** What Linux's error numbers mean, and what to do about those that have a remedy. */
final class Errno {
  static final int ENOENT = 2;
  static final int EADDRINUSE = 98;
  static final int ECONNREFUSED = 111;

  private Errno() {}

  /** In words, as {@code strerror} has them. */
  static String text(long errno) {
    return switch ((int) Math.min(errno, 9999)) {
      case 1 -> "Operation not permitted";
      case 2 -> "No such file or directory";
      case 5 -> "Input/output error";
      case 7 -> "Argument list too long";
      case 8 -> "Exec format error";
      case 11 -> "Resource temporarily unavailable";
      case 12 -> "Cannot allocate memory";
      case 13 -> "Permission denied";
      case 16 -> "Device or resource busy";
      case 17 -> "File exists";
      case 20 -> "Not a directory";
      case 21 -> "Is a directory";
      case 22 -> "Invalid argument";
      case 24 -> "Too many open files";
      case 26 -> "Text file busy";
      case 27 -> "File too large";
      case 28 -> "No space left on device";
      case 30 -> "Read-only file system";
      case 32 -> "Broken pipe";
      case 36 -> "File name too long";
      case 39 -> "Directory not empty";
      case 40 -> "Too many levels of symbolic links";
      case 98 -> "Address already in use";
      case 99 -> "Cannot assign requested address";
      case 101 -> "Network is unreachable";
      case 104 -> "Connection reset by peer";
      case 110 -> "Connection timed out";
      case 111 -> "Connection refused";
      case 113 -> "No route to host";
      case 122 -> "Disk quota exceeded";
      default -> "error " + errno;
    };
  }

  /** A sentence on what to do, with a leading space; empty if there is nothing general to say. */
  static String remedy(long errno) {
    return switch ((int) Math.min(errno, 9999)) {
      case 1, 13 -> " Use another path, or a user that may do this.";
      case 2 -> " Check the path; its folder must exist.";
      case 17, 20, 21, 39 ->
          " Something of another kind is in the way there; remove it or choose another path.";
      case 28, 122 -> " Make room there, or give the sandbox more disk.";
      case 30 -> " Choose a path that is writable.";
      default -> "";
    };
  }
}
