//! flagd's own operations in JsonLogic (<https://flagd.dev/reference/specifications/custom-operations/fractional-operation-spec/>
//! and its neighbours).

use std::cell::RefCell;

use datalogic_rs::{ArenaExt, CustomOperator, DataValue, Engine, bumpalo::Bump, operator::EvalContext};
use semver::Version;

use crate::fractional::{Share, bucket_of, share_of};

/// A share that a subject fell into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What was hashed.
    pub key: String,
    /// The bucket, from 0.
    pub bucket: u64,
    /// How many buckets there are: all weights together.
    pub of: u64,
}

thread_local! {
    /// The shares that were fallen into while somebody wants to know.
    pub(crate) static SPLITS: RefCell<Option<Vec<Split>>> = const { RefCell::new(None) };
}

/// JsonLogic with flagd's operations.
pub(crate) fn engine() -> Engine {
    let engine = Engine::builder().add_operator("fractional", Fractional).add_operator("sem_ver", SemVer);
    engine
        .add_operator("starts_with", Edge(|text, edge| text.starts_with(edge)))
        .add_operator("ends_with", Edge(|text, edge| text.ends_with(edge)))
        .build()
}

struct Fractional;

impl CustomOperator for Fractional {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        context: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> datalogic_rs::Result<&'a DataValue<'a>> {
        let nothing = || Ok(arena.null());
        let (own, shares) = match args {
            [DataValue::Null, shares @ ..] => (None, shares),
            [first, shares @ ..] if first.as_str().is_some() => (first.as_str(), shares),
            all => (None, all),
        };
        let Some(key) = own.map(str::to_owned).or_else(|| key_of(context.root_input())) else { return nothing() };
        let mut read: Vec<Share<&'a DataValue<'a>>> = Vec::with_capacity(shares.len());
        for share in shares {
            let Some([variant, rest @ ..]) = share.as_array() else { return nothing() };
            let weight = rest.first().map_or(Some(1), |weight| weight.as_i64());
            let Some(weight) = weight.and_then(|weight| u32::try_from(weight.max(0)).ok()) else { return nothing() };
            read.push(Share { variant, weight });
        }
        let total = read.iter().map(|share| u64::from(share.weight)).sum();
        SPLITS.with_borrow_mut(|splits| {
            if let Some(splits) = splits {
                splits.push(Split { bucket: bucket_of(&key, total), key: key.clone(), of: total });
            }
        });
        Ok(share_of(&key, &read).unwrap_or_else(|| arena.null()))
    }
}

/// What is hashed of who is targeted: flag key and targeting key, one after the other.
fn key_of(root: &DataValue<'_>) -> Option<String> {
    let targeting = root.get("targetingKey")?.as_str().filter(|key| !key.is_empty())?;
    let flag = root.get("$flagd").and_then(|flagd| flagd.get("flagKey")?.as_str()).unwrap_or("");
    Some(format!("{flag}{targeting}"))
}

/// How a text begins or ends.
struct Edge(fn(&str, &str) -> bool);

impl CustomOperator for Edge {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        _: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> datalogic_rs::Result<&'a DataValue<'a>> {
        let found = match args {
            [text, edge] => text.as_str().zip(edge.as_str()).is_some_and(|(text, edge)| (self.0)(text, edge)),
            _ => false,
        };
        Ok(arena.bool(found))
    }
}

struct SemVer;

impl CustomOperator for SemVer {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        _: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> datalogic_rs::Result<&'a DataValue<'a>> {
        let [one, operator, other] = args else { return Ok(arena.null()) };
        let compared = text_of(one).zip(operator.as_str()).zip(text_of(other));
        let holds = compared.and_then(|((one, operator), other)| compare(&one, operator, &other));
        Ok(holds.map_or_else(|| arena.null(), |holds| arena.bool(holds)))
    }
}

fn text_of(value: &DataValue<'_>) -> Option<String> {
    let text = value.as_str().map(str::to_owned);
    text.or_else(|| value.as_i64().map(|n| n.to_string())).or_else(|| value.as_f64().map(|n| n.to_string()))
}

/// Whether two versions (<https://semver.org>) compare so; `None` where one of the three is none.
fn compare(one: &str, operator: &str, other: &str) -> Option<bool> {
    let (one, other) = (version(one)?, version(other)?);
    Some(match operator {
        "=" => one == other,
        "!=" => one != other,
        "<" => one < other,
        "<=" => one <= other,
        ">" => one > other,
        ">=" => one >= other,
        "^" => one.major == other.major,
        "~" => (one.major, one.minor) == (other.major, other.minor),
        _ => return None,
    })
}

/// A version, perhaps with a `v` before it and without its last numbers; what was built does not count.
fn version(text: &str) -> Option<Version> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let text = text.split('+').next().unwrap_or(text);
    let (numbers, rest) = text.find('-').map_or((text, ""), |at| text.split_at(at));
    let missing = match numbers.matches('.').count() {
        0 => ".0.0",
        1 => ".0",
        _ => "",
    };
    Version::parse(&format!("{numbers}{missing}{rest}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_flagd_has_it() {
        for (one, operator, other, holds) in [
            ("2.0.0", "=", "2.0.0", Some(true)),
            ("2.1.0", ">", "2.0.0", Some(true)),
            ("1.9.0", "<", "2.0.0", Some(true)),
            ("2.0.0-rc.1", "<", "2.0.0", Some(true)),
            ("3.0.1", "~", "3.0.0", Some(true)),
            ("3.1.0", "~", "3.0.0", Some(false)),
            ("3.1.0", "^", "3.0.0", Some(true)),
            ("4.0.0", "^", "3.0.0", Some(false)),
            ("1.0.0", "=", "v1.0.0", Some(true)),
            ("1.4.2", "^", "1", Some(true)),
            ("1.0.0+7", "=", "1.0.0+build", Some(true)),
            ("one", "=", "1.0.0", None),
            ("1.0.0", "===", "1.0.0", None),
        ] {
            assert_eq!(compare(one, operator, other), holds, "{one} {operator} {other}");
        }
    }
}
