//! Where times leap in the streams of a film, and by how much each stretch of them is moved so that they go on.
//!
//! Pictures lead: a stretch's first picture is shown when the one before it ends. Sound goes with the pictures that it stands
//! beside, so that what was in sync stays so; where it does not fit what it had before, some of it is lost or missing.

use std::collections::BTreeMap;

use super::packet::{Stamp, WRAP};

/// Ticks a second.
const SECOND: i64 = 90_000;
/// Time that goes on by more than this has leapt; what is lost on the air is shorter.
const FORWARD: i64 = 10 * SECOND;
/// Time that goes back by more than this has leapt; what is less was rounded.
const BACK: i64 = SECOND / 10;
/// When a film begins: early, so that its clock does not begin anew, and late enough for sound before its first picture.
const BEGIN: i64 = 10 * SECOND;
/// How often times may leap in all streams together; where they go on leaping, all are left as they are.
const STRETCHES_MAX: usize = 4096;

/// By how many ticks each stretch is moved: by stream, from which of its stamps on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Timeline {
    shifts: BTreeMap<u16, Vec<(u64, i64)>>,
}

/// What was seen of a film's times.
#[derive(Default)]
pub(super) struct Observed {
    streams: BTreeMap<u16, Stream>,
    /// The stream of pictures that came first.
    main: Option<u16>,
    stretches: usize,
}

#[derive(Default)]
struct Stream {
    stamps: u64,
    stretches: Vec<Stretch>,
}

/// A part of a stream in which time goes on. Times are counted on where the clock begins anew.
struct Stretch {
    /// How many stamps of the stream were before.
    from: u64,
    /// When the first is decoded.
    first: i64,
    /// When the last is decoded, and how long after the one before.
    last: i64,
    step: i64,
    /// When what is shown first is shown.
    lowest: i64,
    /// When what is shown last is shown.
    highest: i64,
    /// Which stretch of the main stream there was, and its last time, when this one began.
    beside: Option<(usize, i64)>,
}

impl Stretch {
    fn end(&self) -> i64 {
        self.highest + self.step
    }

    fn push(&mut self, decoded: i64, shown: i64) {
        (self.last, self.step) = (decoded, (decoded - self.last).max(0));
        (self.lowest, self.highest) = (self.lowest.min(shown), self.highest.max(shown));
    }
}

/// How far `time` is after `before`; before it, where that is nearer.
fn after(time: i64, before: i64) -> i64 {
    (time - before + WRAP / 2).rem_euclid(WRAP) - WRAP / 2
}

impl Observed {
    pub(super) fn push(&mut self, stamp: &Stamp) {
        if self.stretches >= STRETCHES_MAX {
            return;
        }
        if stamp.is_video {
            self.main.get_or_insert(stamp.pid);
        }
        let beside = self
            .main
            .and_then(|main| self.streams.get(&main))
            .and_then(|main| main.stretches.last().map(|stretch| (main.stretches.len() - 1, stretch.last)));
        let stream = self.streams.entry(stamp.pid).or_default();
        let (decoded, shown) = (stamp.decoded().cast_signed(), stamp.pts.cast_signed());
        let shown_after = after(shown, decoded);
        match stream.stretches.last_mut() {
            Some(stretch) if goes_on(after(decoded, stretch.last)) => {
                let decoded = stretch.last + after(decoded, stretch.last);
                stretch.push(decoded, decoded + shown_after);
            }
            Some(_) | None => {
                let shown = decoded + shown_after;
                let (from, lowest, highest) = (stream.stamps, shown, shown);
                stream.stretches.push(Stretch {
                    from,
                    first: decoded,
                    last: decoded,
                    step: 0,
                    lowest,
                    highest,
                    beside,
                });
                self.stretches += 1;
            }
        }
        stream.stamps += 1;
    }

    /// `None` where times go on as they are.
    pub(super) fn timeline(&self) -> Option<Timeline> {
        let main = self.streams.get(&self.main?)?;
        if self.stretches >= STRETCHES_MAX || self.streams.values().all(|stream| stream.stretches.len() < 2) {
            return None;
        }
        let moved = main_shifts(&main.stretches);
        let shifts = self.streams.iter().map(|(pid, stream)| {
            let shifts = if Some(*pid) == self.main { moved.clone() } else { shifts_beside(&stream.stretches, &moved) };
            (*pid, stream.stretches.iter().map(|stretch| stretch.from).zip(shifts).collect())
        });
        Some(Timeline { shifts: shifts.collect() })
    }
}

fn goes_on(by: i64) -> bool {
    (-BACK..=FORWARD).contains(&by)
}

/// Each stretch of pictures begins where the one before has ended.
fn main_shifts(stretches: &[Stretch]) -> Vec<i64> {
    let mut end = BEGIN;
    let shifts = stretches.iter().map(|stretch| {
        let shift = end - stretch.lowest;
        end = stretch.end() + shift;
        shift
    });
    shifts.collect()
}

/// Each stretch goes with that one of the main stream's, one more or less than it began beside, which brings it nearest to where
/// it is to go on; on its own where none does.
fn shifts_beside(stretches: &[Stretch], main: &[i64]) -> Vec<i64> {
    let mut end: Option<i64> = None;
    let shifts = stretches.iter().map(|stretch| {
        let (there, time) = stretch.beside.unwrap_or((0, stretch.first));
        let expected = end.unwrap_or_else(|| time + main.get(there).copied().unwrap_or(0));
        let off = |shift: &i64| after(stretch.first + shift, expected).abs();
        let near = main.get(there.saturating_sub(1)..main.len().min(there + 2)).unwrap_or_default();
        let best = near.iter().copied().min_by_key(off);
        let shift = match (best.filter(|shift| off(shift) <= FORWARD), end) {
            (Some(shift), _) => shift,
            (None, Some(_)) => expected - stretch.first,
            (None, None) => main.get(there).copied().unwrap_or(0),
        };
        end = Some(stretch.end() + shift);
        shift
    });
    shifts.collect()
}

/// A timeline on the way through its stream once more.
pub(super) struct Retiming<'t> {
    timeline: &'t Timeline,
    /// How many stamps of each stream there were, and which of its shifts counts.
    at: BTreeMap<u16, (u64, usize)>,
}

impl<'t> Retiming<'t> {
    pub(super) fn of(timeline: &'t Timeline) -> Self {
        Self { timeline, at: BTreeMap::new() }
    }

    /// By how much the stream's next stamp is moved.
    pub(super) fn next(&mut self, pid: u16) -> i64 {
        let Some(shifts) = self.timeline.shifts.get(&pid) else { return 0 };
        let (stamps, at) = self.at.entry(pid).or_default();
        if shifts.get(*at + 1).is_some_and(|(from, _)| from <= stamps) {
            *at += 1;
        }
        *stamps += 1;
        shifts.get(*at).map_or(0, |(_, shift)| *shift)
    }
}
