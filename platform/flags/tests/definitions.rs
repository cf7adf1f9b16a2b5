//! Files of flag definitions: what they mean, what is wrong with them, and that none does harm.

use std::collections::BTreeMap;

use open_feature::EvaluationReason;
use proptest::prelude::*;
use serde_json::{Value, json};
use tessera_flags::{FlagSet, MOST_BYTES, MOST_FLAGS, Unresolved, context, json_of};

fn asked(flags: &FlagSet, key: &str, fields: Value) -> Result<(String, EvaluationReason), Unresolved> {
    let Value::Object(mut fields) = fields else { panic!("a context is an object") };
    let targeting = fields.remove("targetingKey").and_then(|key| key.as_str().map(str::to_owned));
    let found = flags.resolve(key, &context(key, targeting.as_deref(), fields, 1_790_000_000))?;
    Ok((found.variant.to_owned(), found.reason))
}

fn parsed(file: &Value) -> FlagSet {
    FlagSet::parse(&file.to_string()).unwrap_or_else(|findings| panic!("{findings}"))
}

/// A file with one flag, `f`, of these variants' names and rule; the first variant is the default.
fn one(variants: &[&str], targeting: Value) -> Value {
    let values: BTreeMap<&str, &str> = variants.iter().map(|name| (*name, *name)).collect();
    json!({"flags": {"f": {
        "state": "ENABLED", "variants": values, "defaultVariant": variants[0], "targeting": targeting,
    }}})
}

fn wrong(text: &str) -> String {
    FlagSet::parse(text).map(|_| ()).expect_err("it is wrong").to_string()
}

#[test]
fn a_flag_has_its_default_until_its_rule_says_otherwise() {
    let flags = parsed(&json!({
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": {
            "plain": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"},
            "asleep": {"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"},
            "open": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": null},
            "tenants": {
                "state": "ENABLED", "variants": {"a": "A", "b": "B"}, "defaultVariant": "a",
                "targeting": {"if": [{"$ref": "ours"}, "b", null]}, "metadata": {"owner": "operations"},
            },
        },
        "$evaluators": {"ours": {"in": [{"var": "tenant"}, ["acme", "blue"]]}},
        "metadata": {"version": 3},
    }));
    assert_eq!(asked(&flags, "plain", json!({})), Ok(("off".into(), EvaluationReason::Static)));
    assert_eq!(asked(&flags, "asleep", json!({})), Err(Unresolved::Disabled("asleep".into())));
    assert_eq!(asked(&flags, "open", json!({})), Err(Unresolved::NoDefault("open".into())));
    assert_eq!(asked(&flags, "absent", json!({})), Err(Unresolved::NotFound("absent".into())));
    assert_eq!(asked(&flags, "tenants", json!({"tenant": "blue"})), Ok(("b".into(), EvaluationReason::TargetingMatch)));
    assert_eq!(asked(&flags, "tenants", json!({"tenant": "red"})), Ok(("a".into(), EvaluationReason::Default)));
    assert_eq!(json_of(&flags.get("tenants").unwrap().variants["b"]), json!("B"));
    assert!(flags.warnings.is_empty(), "{:?}", flags.warnings);
}

/// The cases of flagd's own suite (flagd-testbed, `fractional.feature`, v2) whose rules are more than a list of shares.
#[test]
fn shares_are_flagds() {
    let shorthand = parsed(&json!({"flags": {"fractional-flag-shorthand": {
        "state": "ENABLED", "variants": {"heads": "heads", "tails": "tails", "draw": "draw"}, "defaultVariant": "draw",
        "targeting": {"fractional": [["heads"], ["tails", 1]]},
    }}}));
    for (key, side) in [("jon@company.com", "heads"), ("jane@company.com", "tails")] {
        let found = asked(&shorthand, "fractional-flag-shorthand", json!({"targetingKey": key})).unwrap();
        assert_eq!(found.0, side, "{key}");
    }
    let nobody = asked(&shorthand, "fractional-flag-shorthand", json!({}));
    assert_eq!(nobody, Ok(("draw".into(), EvaluationReason::Default)), "nobody falls into a share");

    let tier = json!({"if": [{"==": [{"var": "tier"}, "premium"]}, "premium", "standard"]});
    let rule = json!({"fractional": [{"var": "targetingKey"}, [tier, 50], ["standard", 50]]});
    let flags = parsed(&one(&["other", "premium", "standard"], rule));
    for (key, tier, variant) in [
        ("jon@company.com", "premium", "premium"),
        ("jon@company.com", "basic", "standard"),
        ("user1", "premium", "standard"),
    ] {
        assert_eq!(asked(&flags, "f", json!({"targetingKey": key, "tier": tier})).unwrap().0, variant, "{key} {tier}");
    }

    let weight = json!({"if": [{"==": [{"var": "tier"}, "premium"]}, 100, 0]});
    let flags = parsed(&one(
        &["none", "red", "blue"],
        json!({"fractional": [{"var": "targetingKey"}, ["red", weight], ["blue", 10]]}),
    ));
    for (key, tier, variant) in
        [("jon@company.com", "premium", "red"), ("jon@company.com", "basic", "blue"), ("user1", "premium", "red")]
    {
        assert_eq!(asked(&flags, "f", json!({"targetingKey": key, "tier": tier})).unwrap().0, variant, "{key} {tier}");
    }

    let flags = parsed(&one(
        &["no", "big", "small"],
        json!({"if": [{"fractional": [[false, 0], [true, 100]]}, "big", "small"]}),
    ));
    assert_eq!(asked(&flags, "f", json!({"targetingKey": "some-targeting-key"})).unwrap().0, "big");

    let flags = parsed(&one(
        &["fallback", "red", "blue"],
        json!({"fractional": [{"var": "targetingKey"}, [{"var": "colour"}, 50], ["blue", 50]]}),
    ));
    let unknown = asked(&flags, "f", json!({"targetingKey": "jon@company.com", "colour": "yellow"}));
    assert!(matches!(unknown, Err(Unresolved::Rule { .. })), "{unknown:?}");
}

#[test]
fn a_subject_stays_in_its_share_and_shares_are_as_large_as_they_say() {
    let flags = parsed(&one(&["off", "on"], json!({"fractional": [["on", 30], ["off", 70]]})));
    let on = |account: usize| asked(&flags, "f", json!({"targetingKey": format!("acc_{account}")})).unwrap().0 == "on";
    let first: Vec<bool> = (0..10_000).map(on).collect();
    let count = first.iter().filter(|on| **on).count();
    assert!((2_850..=3_150).contains(&count), "{count} of 10,000");
    assert!((0..1_000).all(|account| on(account) == first[account]));
    let explained = flags.explain("f", &context("f", Some("acc_1"), serde_json::Map::new(), 0));
    let [split] = &explained.splits[..] else { panic!("one share: {explained:?}") };
    assert_eq!((split.key.as_str(), split.of), ("facc_1", 100));
    assert_eq!(split.bucket < 30, first[1]);
}

#[test]
fn texts_and_versions_are_compared_as_flagd_does() {
    let rule = json!({"if": [
        {"starts_with": [{"var": "tenant"}, "de-"]}, "german",
        {"ends_with": [{"var": "tenant"}, "-test"]}, "test",
        {"sem_ver": [{"var": "version"}, ">=", "2"]}, "new",
        {"and": [{"!": [{"var": "country"}]}, {">": [{"var": "$flagd.timestamp"}, 1]}]}, "nowhere",
        null,
    ]});
    let flags = parsed(&one(&["none", "german", "test", "new", "nowhere"], rule));
    for (fields, variant) in [
        (json!({"tenant": "de-nord"}), "german"),
        (json!({"tenant": "acme-test"}), "test"),
        (json!({"tenant": 7, "version": "v2.1"}), "new"),
        (json!({"version": "1.9", "country": "DE"}), "none"),
        (json!({"version": "not a version"}), "nowhere"),
    ] {
        assert_eq!(asked(&flags, "f", fields.clone()).unwrap().0, variant, "{fields}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_was_meant() {
    let flag = |members: &str| format!("{{\n  \"flags\": {{\n    \"f\": {{\n{members}\n    }}\n  }}\n}}");
    let sound = "\"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": false}";
    for (text, said) in [
        ("{\"flags\": {\n  \"f\": ,\n}}".to_owned(), "line 2, column 8: this is no JSON: expected value"),
        ("[]".to_owned(), "line 1, column 1: the file is an object, not a list"),
        ("{}".to_owned(), "\"flags\" is missing"),
        ("{\"flag\": {}, \"flags\": {}}".to_owned(), "the file has no \"flag\"; did you mean \"flags\"?"),
        (flag(&format!("{sound}, \"defaultVarient\": \"on\"")), "line 4, column"),
        (flag(&format!("{sound}, \"defaultVarient\": \"on\"")), "did you mean \"defaultVariant\"?"),
        (
            flag(&format!("{sound}, \"defaultVariant\": \"onn\"")),
            "the name of one of its variants; did you mean \"on\"?",
        ),
        (flag("\"state\": \"enabled\""), "is \"ENABLED\" or \"DISABLED\""),
        (
            flag("\"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": \"no\"}"),
            "the variant \"off\" of \"f\" is not as the others",
        ),
        (flag(&format!("{sound}, \"state\": \"DISABLED\"")), "has \"state\" twice"),
        (
            flag(&format!("{sound}, \"targeting\": {{\"iff\": [true, \"on\"]}}")),
            "no operation \"iff\"; did you mean \"if\"?",
        ),
        (
            flag(&format!("{sound}, \"targeting\": {{\"if\": [true, \"onn\"]}}")),
            "has no variant \"onn\"; did you mean \"on\"?",
        ),
        (flag(&format!("{sound}, \"targeting\": {{\"==\": [1, 1]}}")), "gives true or false here"),
        (flag(&format!("{sound}, \"targeting\": {{\"$ref\": \"ours\"}}")), "has no rule \"ours\""),
        (flag(&format!("{sound}, \"targeting\": {{\"map\": [[1], 1]}}")), "go through no lists"),
        (
            flag(&format!("{sound}, \"targeting\": {{\"fractional\": [[\"on\", -1], [\"off\", 1]]}}")),
            "a weight is a whole number",
        ),
        (
            flag(&format!("{sound}, \"targeting\": {{\"fractional\": [[\"on\", 2000000000], [\"off\", 2000000000]]}}")),
            "weights are at most",
        ),
        ("{\"flags\": {}, \"$evaluators\": {\"a\": 1, \"a\": 2}}".to_owned(), "the rule \"a\" is there twice"),
    ] {
        let found = wrong(&text);
        assert!(found.contains(said), "{text}\nis said to be wrong so: {found}\nnot: {said}");
    }
}

#[test]
fn a_rule_that_uses_itself_or_grows_without_end_is_refused() {
    let file = |evaluators: Value| {
        let mut file = one(&["a", "b"], json!({"if": [{"$ref": "r0"}, "b", null]}));
        file["$evaluators"] = evaluators;
        file.to_string()
    };
    assert!(wrong(&file(json!({"r0": {"!": [{"$ref": "r0"}]}}))).contains("does a shared rule use itself"));
    let doubled: serde_json::Map<String, Value> = (0..60)
        .map(|n| (format!("r{n}"), json!({"and": [{"$ref": format!("r{}", n + 1)}, {"$ref": format!("r{}", n + 1)}]})))
        .chain([("r60".to_owned(), json!(true))])
        .collect();
    assert!(wrong(&file(Value::Object(doubled))).contains("parts together"));
}

#[test]
fn what_nobody_gets_is_noted() {
    let flags = parsed(&one(&["a", "b", "c"], json!({"if": [{"==": [{"var": "tenant"}, "red"]}, "b", null]})));
    let noted: Vec<String> = flags.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert!(noted[0].contains("nobody gets the variant \"c\" of \"f\""), "{noted:?}");
    let list = parsed(&one(&["a", "b"], json!({"fractional": {"missing": ["b"]}})));
    assert!(list.warnings.is_empty(), "a list that is made when it is asked is a share");
    assert_eq!(asked(&list, "f", json!({"targetingKey": "acc"})).unwrap().0, "b");
    assert!(parsed(&one(&["a", "b"], json!({"cat": [{"var": "tenant"}, ""]}))).warnings.is_empty(), "it may give any");
}

#[test]
fn sizes_are_bounded() {
    assert!(wrong(&" ".repeat(MOST_BYTES + 1)).contains("bytes"));
    assert!(wrong(&"[".repeat(100_000)).contains("deep"));
    let flag = json!({"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a"});
    let many: serde_json::Map<String, Value> = (0..=MOST_FLAGS).map(|n| (format!("f{n}"), flag.clone())).collect();
    assert!(wrong(&json!({"flags": many}).to_string()).contains("at most 1000 flags"));
    let variants: serde_json::Map<String, Value> = (0..200).map(|n| (format!("v{n}"), json!(n))).collect();
    assert!(
        wrong(&json!({"flags": {"f": {"state": "ENABLED", "variants": variants}}}).to_string()).contains("1 to 100")
    );
}

/// JSON as a rule may hold it, with the words that mean something among the others.
fn rules() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "var",
        "if",
        "==",
        "fractional",
        "sem_ver",
        "starts_with",
        "in",
        "cat",
        "+",
        "*",
        "/",
        "%",
        "<",
        "and",
        "or",
        "!",
        "substr",
        "missing",
        "missing_some",
        "min",
        "max",
        "$ref",
        "a",
        "b",
        "tenant",
        "targetingKey",
        "shared",
        "map",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            (words.clone(), inner.clone()).prop_map(|(name, value)| json!({name: value})),
            (words.clone(), prop::collection::vec(inner, 0..5)).prop_map(|(name, values)| json!({name: values})),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = FlagSet::parse(&text);
    }

    #[test]
    fn no_cut_or_changed_file_makes_it_panic(at in 0_usize..400, byte in any::<u8>()) {
        let mut file = one(&["a", "b"], json!({"if": [{"$ref": "shared"}, {"fractional": [["a", 1], ["b", 2]]}, "b"]}));
        file["$evaluators"] = json!({"shared": {"in": [{"var": "tenant"}, ["red"]]}});
        let mut bytes = file.to_string().into_bytes();
        let at = at % bytes.len();
        let _ = FlagSet::parse(&String::from_utf8_lossy(&bytes[..at]));
        bytes[at] = byte;
        let _ = FlagSet::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_rule_makes_it_panic_when_it_is_read_or_carried_out(rule in rules(), shared in rules(), key in "[a-z_]{0,8}") {
        let mut file = one(&["a", "b", "true", "false"], rule);
        file["$evaluators"] = json!({"shared": shared});
        if let Ok(flags) = FlagSet::parse(&file.to_string()) {
            let fields = json!({"tenant": "red", "targetingKey": key});
            match asked(&flags, "f", fields) {
                Ok((variant, _)) => prop_assert!(flags.get("f").unwrap().variants.contains_key(&*variant)),
                Err(unresolved) => prop_assert!(matches!(unresolved, Unresolved::Rule { .. }), "{unresolved}"),
            }
        }
    }

    #[test]
    fn what_a_rule_gives_was_known_when_it_was_read(rule in rules()) {
        // A variant of which it is noted that nobody gets it, nobody gets.
        if let Ok(flags) = FlagSet::parse(&one(&["z", "a", "b", "true", "false"], rule).to_string()) {
            let found = asked(&flags, "f", json!({"tenant": "red", "targetingKey": "acc"}));
            if let Ok((variant, _)) = found {
                let noted = format!("nobody gets the variant {variant:?}");
                prop_assert!(flags.warnings.iter().all(|warning| !warning.what.contains(&noted)), "{variant}");
            }
        }
    }
}
