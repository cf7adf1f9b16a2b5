import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Journal } from "./journal.ts";

function inFolder(run: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "journal-"));
  try {
    run(join(folder, "state.jsonl"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function opened(path: string): { journal: Journal<number>; sum: () => number } {
  let sum = 0;
  const journal = new Journal<number>(path, (change) => {
    sum += change;
  });
  return { journal, sum: () => sum };
}

test("what was written is there again, and part of a line is not", () =>
  inFolder((path) => {
    const first = opened(path);
    first.journal.write(1, 2);
    first.journal.write(4);
    assert.equal(first.sum(), 7);
    first.journal.close();
    appendFileSync(path, "[8,16"); // a kill in the midst of a write

    const second = opened(path);
    assert.equal(second.sum(), 7);
    second.journal.write(32);
    second.journal.close();
    assert.equal(readFileSync(path, "utf8"), "[1,2]\n[4]\n[32]\n");
    assert.equal(opened(path).sum(), 39);
  }));

test("a damaged file is refused, with the line", () =>
  inFolder((path) => {
    appendFileSync(path, "[1]\nnonsense\n[2]\n");
    assert.throws(() => opened(path), /damaged at line 2/);
  }));
