//! Spans of several processes as one tree, each at its place on one line of time: pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use tessera_runtime::telemetry::SpanTold;

/// Width of a bar.
const BAR: usize = 24;
/// How deep the tree is drawn; what is deeper stands at the end of it.
const DEEPEST: usize = 64;

/// A span at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Placed {
    span: usize,
    depth: usize,
    /// Microseconds from the beginning of the tree.
    start: i64,
    /// What is added to the clock of its process.
    shift: i64,
}

/// What was done for one request: a span that was done for none here, with all that was done for it.
pub(crate) struct Tree<'s> {
    spans: &'s [SpanTold],
    placed: Vec<Placed>,
}

/// The spans as trees, in the order in which they began; with `request`, those alone that this request took part in.
pub(crate) fn trees<'s>(spans: &'s [SpanTold], request: Option<&str>) -> Vec<Tree<'s>> {
    let ids: HashMap<&str, usize> = spans.iter().enumerate().map(|(at, span)| (&*span.span_id, at)).collect();
    let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut roots = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let parent = span.parent_id.as_deref().and_then(|id| ids.get(id)).filter(|parent| **parent != at);
        match parent {
            Some(parent) => children.entry(*parent).or_default().push(at),
            None => roots.push(at),
        }
    }
    children.values_mut().chain([&mut roots]).for_each(|list| list.sort_by_key(|at| spans[*at].begun_us));
    let mut seen = HashSet::new();
    let trees = roots.into_iter().map(|root| Tree { spans, placed: placed(spans, &children, root, &mut seen) });
    let of_request = |tree: &Tree<'_>| {
        request.is_none_or(|id| tree.placed.iter().any(|at| spans[at.span].request_id.as_deref() == Some(id)))
    };
    trees.filter(of_request).collect()
}

/// The spans below `root`, parents before their children.
fn placed(
    spans: &[SpanTold],
    children: &BTreeMap<usize, Vec<usize>>,
    root: usize,
    seen: &mut HashSet<usize>,
) -> Vec<Placed> {
    let begun = spans[root].begun_us;
    let mut placed = Vec::new();
    let mut next = vec![Placed { span: root, depth: 0, start: 0, shift: 0 }];
    while let Some(at) = next.pop() {
        if !seen.insert(at.span) {
            continue; // spans that are each other's parents are nobody's
        }
        placed.push(at);
        for child in children.get(&at.span).into_iter().flatten().rev() {
            let shift = shift(&spans[at.span], at.shift, &spans[*child]);
            let start = spans[*child].begun_us.saturating_add(shift).saturating_sub(begun);
            next.push(Placed { span: *child, depth: (at.depth + 1).min(DEEPEST), start, shift });
        }
    }
    placed
}

/// What to add to a child's clock. Processes have clocks of their own: what a call caused lies within the call, and nothing before
/// what caused it.
fn shift(parent: &SpanTold, of_parent: i64, child: &SpanTold) -> i64 {
    if parent.process == child.process {
        return of_parent;
    }
    let from = parent.begun_us.saturating_add(of_parent);
    let (room, took) = (length(parent), length(child));
    // Whoever gave up waiting is outlived by what was asked.
    let gave_up = parent.failed || parent.end == "abandoned";
    let is_within = child.kind == "server" && !gave_up;
    let (first, last) = match is_within {
        true => (from, from.saturating_add(room.saturating_sub(took).max(0))),
        false => (from, i64::MAX),
    };
    let begun = child.begun_us.clamp(first, last);
    match begun == child.begun_us {
        true => 0,
        // On its way there as long as on its way back.
        false if is_within => first.saturating_add((last - first) / 2).saturating_sub(child.begun_us),
        false => begun.saturating_sub(child.begun_us),
    }
}

fn length(span: &SpanTold) -> i64 {
    i64::try_from(span.took_us).unwrap_or(i64::MAX)
}

impl<'s> Tree<'s> {
    /// The span that all others were done for.
    pub(crate) fn root(&self) -> &'s SpanTold {
        &self.spans[self.placed[0].span]
    }

    /// The deepest of the failures: what failed before the others did.
    pub(crate) fn failed(&self) -> Option<&'s SpanTold> {
        let failed = self.placed.iter().filter(|at| self.spans[at.span].failed);
        // The first of the deepest.
        failed.rev().max_by_key(|at| at.depth).map(|at| &self.spans[at.span])
    }

    /// The span that took longest by itself, without what was done for it meanwhile, and how long that is in microseconds.
    pub(crate) fn slowest(&self) -> (&'s SpanTold, u64) {
        let mut within: HashMap<&str, u64> = HashMap::new();
        let spans = || self.placed.iter().map(|at| &self.spans[at.span]);
        for span in spans().filter(|span| span.kind != "consumer") {
            if let Some(parent) = &span.parent_id {
                *within.entry(parent).or_default() += span.took_us;
            }
        }
        let own =
            |span: &SpanTold| span.took_us.saturating_sub(within.get(&*span.span_id).copied().unwrap_or_default());
        let slowest = spans().filter(|span| span.kind != "consumer").max_by_key(|span| own(span));
        let slowest = slowest.unwrap_or_else(|| self.root());
        (slowest, own(slowest))
    }

    /// A line a span.
    pub(crate) fn lines(&self) -> Vec<String> {
        let whole = self.root().took_us.max(1);
        let name = |at: &Placed| format!("{:indent$}{}", "", what(&self.spans[at.span]), indent = at.depth * 2);
        let widest = self.placed.iter().map(|at| name(at).chars().count()).max().unwrap_or_default();
        let ends = self.placed.iter().map(|at| self.spans[at.span].end.chars().count()).max().unwrap_or_default();
        let line = |at: &Placed| {
            let span = &self.spans[at.span];
            let mark = if span.failed { '!' } else { ' ' };
            let (start, took) = (milliseconds(at.start), milliseconds(length(span)));
            let bar = bar(at.start, length(span), whole);
            format!("{start:>10} {took:>10} |{bar}| {:widest$} {mark}{:ends$}  {}", name(at), span.end, span.process)
        };
        self.placed.iter().map(line).collect()
    }
}

/// A span in words.
pub(crate) fn what(span: &SpanTold) -> String {
    match &span.address {
        Some(address) => format!("{} -> {address}", span.name),
        None => span.name.clone(),
    }
}

/// To the hundredth, without a unit.
pub(crate) fn milliseconds(micros: i64) -> String {
    format!("{:.2}", micros as f64 / 1000.0)
}

/// When it was done, as a part of the whole; what came after the whole is at its right edge.
fn bar(start: i64, took: i64, whole: u64) -> String {
    let column = |micros: i64| (micros.max(0) as f64 / whole as f64 * BAR as f64) as usize;
    let from = column(start);
    if from >= BAR && start > 0 {
        return format!("{:>BAR$}", '>');
    }
    let to = column(start.saturating_add(took)).clamp(from + 1, BAR.max(from + 1));
    format!("{}{}{}", " ".repeat(from), "=".repeat(to - from), " ".repeat(BAR.saturating_sub(to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(
        id: &str,
        parent: Option<&str>,
        (kind, process): (&str, &str),
        (begun_us, took_us): (i64, u64),
    ) -> SpanTold {
        SpanTold {
            trace_id: "t".into(),
            span_id: id.into(),
            parent_id: parent.map(Into::into),
            request_id: Some(format!("req_{process}")),
            tenant: None,
            name: id.into(),
            kind: kind.into(),
            process: process.into(),
            address: None,
            begun_us,
            took_us,
            end: "done".into(),
            failed: false,
        }
    }

    fn starts<'s>(tree: &Tree<'s>) -> Vec<(&'s str, usize, i64)> {
        tree.placed.iter().map(|at| (&*tree.spans[at.span].span_id, at.depth, at.start)).collect::<Vec<_>>()
    }

    #[test]
    fn a_process_whose_clock_is_wrong_is_put_where_it_was_asked() {
        let spans = [
            span("commit", Some("there"), ("internal", "b"), (500_100, 50)),
            span("ask", Some("press"), ("client", "a"), (1_000_100, 400)),
            span("there", Some("ask"), ("server", "b"), (500_000, 200)),
            span("press", Some("somebody else's"), ("server", "a"), (1_000_000, 1000)),
            span("heard", Some("there"), ("consumer", "c"), (9_000_000, 10)),
            span("later", Some("press"), ("internal", "a"), (1_000_600, 100)),
        ];
        let trees = trees(&spans, Some("req_c"));
        let [tree] = &trees[..] else { panic!("one tree") };
        assert_eq!(
            starts(tree),
            [
                ("press", 0, 0),
                ("ask", 1, 100),
                ("there", 2, 200),
                ("commit", 3, 300),
                ("heard", 3, 8_000_000),
                ("later", 1, 600)
            ]
        );
        assert_eq!((tree.slowest().0.name.as_str(), tree.slowest().1), ("press", 500));
        let lines = tree.lines();
        assert!(lines[2].contains("|    =====               |     there"), "{}", lines[2]);
        assert!(lines[4].contains("                       >|"), "{}", lines[4]);
    }

    #[test]
    fn the_failure_that_the_others_come_from_is_named() {
        let mut spans = vec![
            span("press", None, ("server", "a"), (0, 100)),
            span("ask", Some("press"), ("client", "a"), (10, 50)),
            span("unhurt", Some("ask"), ("server", "b"), (20, 10)),
            span("elsewhere", None, ("server", "z"), (0, 100)),
        ];
        assert_eq!(trees(&spans, None).len(), 2);
        assert!(trees(&spans, Some("req_a"))[0].failed().is_none());
        spans[0].failed = true;
        spans[1].failed = true;
        let trees = trees(&spans, Some("req_a"));
        assert_eq!(trees.len(), 1);
        assert_eq!(trees[0].failed().map(|span| &*span.name), Some("ask"));
    }

    #[test]
    fn what_makes_no_tree_is_no_endless_one() {
        let spans = [
            span("a", Some("b"), ("internal", "p"), (0, 1)),
            span("b", Some("a"), ("internal", "p"), (0, 1)),
            span("c", Some("c"), ("internal", "p"), (i64::MIN, u64::MAX)),
        ];
        let trees = trees(&spans, None);
        assert_eq!(trees.len(), 1);
        assert_eq!(trees[0].lines().len(), 1);
    }
}
