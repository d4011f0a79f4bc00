package dev.berth.core.guest;

/** The numbers of guest/PROTOCOL.md. */
final class Wire {
  static final int MAGIC = 0x42525448;
  static final int VERSION = 2;
  static final int MAX_FRAME = 1 << 20;
  static final int MAX_DATA = 1 << 16;
  static final int INPUT_WINDOW = 1 << 18;

  // Host to guest.
  static final int HELLO = 0x01;
  static final int SPAWN = 0x02;
  static final int ATTACH = 0x03;
  static final int INPUT = 0x04;
  static final int CONSUMED = 0x05;
  static final int SIGNAL = 0x06;
  static final int TERMINATE = 0x07;
  static final int RESIZE = 0x08;
  static final int FORGET = 0x09;
  static final int PEEK = 0x0A;
  static final int LIST = 0x0B;
  static final int LIMITS = 0x0C;
  static final int PING = 0x0D;
  static final int SHUTDOWN = 0x0E;
  static final int LISTEN = 0x0F;
  static final int OPEN = 0x11;
  static final int KNOCK = 0x12;

  // Guest to host.
  static final int WELCOME = 0x81;
  static final int STARTED = 0x82;
  static final int OUTPUT = 0x83;
  static final int TAKEN = 0x84;
  static final int EXIT = 0x85;
  static final int UNKNOWN = 0x86;
  static final int DETACHED = 0x87;
  static final int LISTING = 0x88;
  static final int PONG = 0x89;
  static final int LISTENING = 0x8A;
  static final int INCOMING = 0x8B;
  static final int OPENED = 0x8C;
  static final int PROOF = 0x8D;
  static final int FAULT = 0x8F;

  // Flags of SPAWN.
  static final int TTY = 1;
  static final int STDIN = 2;
  static final int KEEP = 4;
  static final int TAKE = 16;
  static final int WHOLE = 32;

  // Channels.
  static final int STDOUT = 1;
  static final int STDERR = 2;

  /** Added to the channel in the answer to PEEK. */
  static final int PEEKED = 0x10;

  // How a command ended, in EXIT.
  static final int EXITED = 0;
  static final int SIGNALLED = 1;
  static final int NOT_STARTED = 2;

  // Why, in EXIT.
  static final int CAUSE_TIMEOUT = 1;
  static final int CAUSE_LINGER = 3;
  static final int CAUSE_GUEST_ENDS = 4;

  // What failed, in EXIT of a command that could not be started.
  static final int STAGE_USER = 2;
  static final int STAGE_DIRECTORY = 3;
  static final int STAGE_TERMINAL = 4;
  static final int STAGE_EXEC = 5;

  // Kinds of OPEN.
  static final int CONNECT = 1;
  static final int ACCEPT = 2;
  static final int PUT = 3;
  static final int GET = 4;

  private Wire() {}
}
