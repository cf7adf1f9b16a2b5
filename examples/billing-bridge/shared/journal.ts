// State in one file: each line is one or more changes in JSON, on disk before anybody hears of them, and all of a line or
// none of it. What a program knows is what the lines make, so a kill loses nothing that was said to be done.
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

/** A file of changes. One process at a time may have it. */
export class Journal<Change> {
  readonly #file: number;
  readonly #apply: (change: Change) => void;

  /** Opens the file, makes it if it is not there, and applies what it holds. Throws when a line is no JSON. */
  constructor(path: string, apply: (change: Change) => void) {
    this.#file = openSync(path, "a+", 0o600);
    this.#apply = apply;
    const bytes = readFileSync(path);
    const whole = bytes.lastIndexOf(0x0a) + 1;
    // A kill in the midst of a write leaves part of a line: nobody was told that it is done.
    if (whole < bytes.length) ftruncateSync(this.#file, whole);
    const lines = bytes.subarray(0, whole).toString("utf8").split("\n");
    lines.pop();
    for (const [index, line] of lines.entries()) {
      let changes: Change[];
      try {
        changes = JSON.parse(line) as Change[];
      } catch (cause) {
        throw new Error(`${path} is damaged at line ${index + 1}`, { cause });
      }
      changes.forEach(apply);
    }
  }

  /** Writes changes as one line, and then applies them. */
  write(...changes: Change[]): void {
    const line = Buffer.from(`${JSON.stringify(changes)}\n`);
    for (let written = 0; written < line.length; ) written += writeSync(this.#file, line, written);
    fdatasyncSync(this.#file);
    changes.forEach(this.#apply);
  }

  close(): void {
    closeSync(this.#file);
  }
}
