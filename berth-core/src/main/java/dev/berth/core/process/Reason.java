package dev.berth.core.process;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/**
 * Why something of the host's file system failed, in words: the JDK's exceptions name a path alone,
 * or a class.
 */
public final class Reason {
  private Reason() {}

  /** A part of a sentence, without a full stop: {@code there is no /a/b}. */
  public static String of(IOException failure) {
    return switch (failure) {
      case NoSuchFileException none -> "there is no " + none.getFile();
      case AccessDeniedException denied -> "this user may not access " + denied.getFile();
      case FileAlreadyExistsException known -> "there is a " + known.getFile() + " already";
      case DirectoryNotEmptyException full -> full.getFile() + " is not empty";
      case NotDirectoryException file -> file.getFile() + " is no folder";
      case FileSystemException other when other.getReason() != null ->
          other.getFile() + ": " + other.getReason();
      default -> {
        String message = failure.getMessage();
        yield message == null || message.isBlank()
            ? "it failed with " + failure.getClass().getSimpleName()
            : message;
      }
    };
  }
}
