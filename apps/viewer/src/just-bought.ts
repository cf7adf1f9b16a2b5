// That something was bought a moment ago: its grant may still be on the way to whoever decides about playing.

const A_MOMENT_MILLISECONDS = 20_000;
let boughtAt = Number.NEGATIVE_INFINITY;

export function noteBought(now: number): void {
  boughtAt = now;
}

export function justBought(now: number): boolean {
  return now - boughtAt < A_MOMENT_MILLISECONDS;
}
