package dev.berth.core.image;

/** What form an image is stored in. */
public enum ImageKind {
  /** One file in Apptainer's format. */
  SIF,
  /** An unpacked root file system. */
  FOLDER
}
