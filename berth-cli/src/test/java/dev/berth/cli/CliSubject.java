package dev.berth.cli;

/** What the tests of the command stand on. They are the same for every provider. */
interface CliSubject {
  /** The command, with a state folder of this test class alone. */
  Cli cli();

  /** A sandbox that all tests share. */
  String id();

  /** What sandboxes are made of. */
  String image();

  /** Its name. */
  String provider();
}
