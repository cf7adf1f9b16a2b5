//! Rules that come last, when the contract's own have filled the lists: lists, then what every exchange was held to.
//!
//! What the document and HTTP say of any answer is looked at as calls are made ([`super::Subject::call`]), and reported under
//! its own name with the first exchange that broke it. The rule that made the call does not hold either.

use futures::future::BoxFuture;

use super::{Rule, Subject, Violation, pages};

pub(super) const STATUS: &str = "statuses_are_declared";
pub(super) const WHOLE: &str = "bodies_are_whole_json";
pub(super) const TYPE: &str = "answers_name_their_type";
pub(super) const SCHEMA: &str = "answers_match_their_schema";
pub(super) const PROBLEM: &str = "errors_are_problems";
pub(super) const ETAG: &str = "a_version_is_the_etag";
pub(super) const HASTE: &str = "rate_limits_say_when_to_return";

/// The rules that every list and every answer of every contract's implementation is held to.
pub fn document_rules() -> &'static [Rule] {
    const RULES: &[Rule] = &[
        Rule {
            name: "pages_hold_each_entry_once",
            promise: "A list in small pages holds what it holds in one large page: each entry once, in the same order.",
            check: pages::hold_each_entry_once,
        },
        Rule {
            name: "statuses_are_declared",
            promise: "A success has the status that the document declares; nothing else is below 400.",
            check: |subject| found(subject, STATUS),
        },
        Rule {
            name: "bodies_are_whole_json",
            promise: "A body is JSON to its end, and no larger than 8 MiB.",
            check: |subject| found(subject, WHOLE),
        },
        Rule {
            name: "answers_name_their_type",
            promise: "Content-Type is application/json on a success and application/problem+json on an error.",
            check: |subject| found(subject, TYPE),
        },
        Rule {
            name: "answers_match_their_schema",
            promise: "A success has the fields, types, formats and values that the document says.",
            check: |subject| found(subject, SCHEMA),
        },
        Rule {
            name: "errors_are_problems",
            promise: "An error is a problem (RFC 9457) with a code of the contract and the status that belongs to it.",
            check: |subject| found(subject, PROBLEM),
        },
        Rule {
            name: "a_version_is_the_etag",
            promise: "An answer that the document gives an ETag has its version there, in quotes.",
            check: |subject| found(subject, ETAG),
        },
        Rule {
            name: "rate_limits_say_when_to_return",
            promise: "A 429 has Retry-After, in seconds; the check waits that long and asks again.",
            check: |subject| found(subject, HASTE),
        },
    ];
    RULES
}

fn found<'s>(subject: &'s Subject<'_>, rule: &'static str) -> BoxFuture<'s, Result<(), Violation>> {
    Box::pin(async move { subject.breach(rule).map_or(Ok(()), Err) })
}
