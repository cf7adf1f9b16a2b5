//! The rules that every implementation is held to.
//!
//! Fixture: `{"ready": id, "failed": id, "others": id, "complete_upload": id, "incomplete_upload": id,
//! "others_upload": id}`: three assets and three uploads, where `others` and `others_upload` belong to the other tenant,
//! and no asset has been made of `complete_upload` but by these rules.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tessera_contract::conformance::{Actor, Role, Rule, Subject, Violation};
use tessera_types::Timestamp;

type Check<'s> = BoxFuture<'s, Result<(), Violation>>;

/// The rules.
pub const RULES: &[Rule] = &[
    Rule {
        name: "ready_asset_says_what_it_is",
        promise: "A ready asset is playable, has its renditions, tallest first, its length, its source, and is at 100 percent.",
        check: ready_asset_says_what_it_is,
    },
    Rule {
        name: "failed_asset_says_why",
        promise: "A failed asset has a reason with a code and a message, and no renditions.",
        check: failed_asset_says_why,
    },
    Rule {
        name: "descriptor_names_tracks_and_key",
        promise: "A ready asset's descriptor is complete, has a video track first, unique track ids, and a key of 16 bytes.",
        check: descriptor_names_tracks_and_key,
    },
    Rule {
        name: "descriptor_is_for_services",
        promise: "The descriptor holds a key: staff is answered 403.",
        check: descriptor_is_for_services,
    },
    Rule {
        name: "unready_asset_has_no_descriptor",
        promise: "The descriptor of an asset that has failed is 409 asset_not_ready.",
        check: unready_asset_has_no_descriptor,
    },
    Rule {
        name: "other_tenants_asset_is_not_found",
        promise: "Another tenant's asset is 404 asset_not_found, for services as well.",
        check: other_tenants_asset_is_not_found,
    },
    Rule {
        name: "upload_makes_one_asset",
        promise: "A complete upload makes one asset: the same key replays it, another key is 409 upload_in_use.",
        check: upload_makes_one_asset,
    },
    Rule {
        name: "incomplete_upload_is_refused",
        promise: "An upload that lacks bytes is 409 upload_incomplete.",
        check: incomplete_upload_is_refused,
    },
    Rule {
        name: "other_tenants_upload_is_not_found",
        promise: "Another tenant's upload is 404 upload_not_found.",
        check: other_tenants_upload_is_not_found,
    },
    Rule {
        name: "submission_needs_a_key",
        promise: "create_asset without an Idempotency-Key is 400 idempotency_key_required.",
        check: submission_needs_a_key,
    },
    Rule {
        name: "pages_cover_every_asset_once",
        promise: "Following next_cursor shows every asset once, and no other tenant's.",
        check: pages_cover_every_asset_once,
    },
    Rule {
        name: "cancelled_asset_is_made_anew",
        promise: "An asset that is being made can be cancelled, twice with one effect, and is processing again once retried.",
        check: cancelled_asset_is_made_anew,
    },
    Rule {
        name: "ready_asset_stays_as_it_is",
        promise: "A ready asset is cancelled with 409 asset_not_processing, and retried with 409 asset_not_retryable.",
        check: ready_asset_stays_as_it_is,
    },
    Rule {
        name: "other_tenants_asset_is_not_steered",
        promise: "Cancelling, retrying, prioritizing and reading the log of another tenant's asset is 404 asset_not_found.",
        check: other_tenants_asset_is_not_steered,
    },
    Rule {
        name: "priority_is_checked",
        promise: "A priority is -100 to 100; anything else is 400 invalid_request.",
        check: priority_is_checked,
    },
    Rule {
        name: "log_says_what_was_done",
        promise: "The log of an asset that has ended has lines, oldest first, and is for staff alone.",
        check: log_says_what_was_done,
    },
    Rule {
        name: "pull_is_followed_by_its_upload",
        promise: "A pull names its upload and its host, and no more of its address; of an upload that is sent there is none.",
        check: pull_is_followed_by_its_upload,
    },
    Rule {
        name: "pull_of_metadata_is_refused",
        promise: "An address of a cloud's metadata, with a user, or of another scheme is 400 address_refused.",
        check: pull_of_metadata_is_refused,
    },
    Rule {
        name: "list_is_of_one_state",
        promise: "list_assets with a state names assets in it alone, and a state that is none is 400 invalid_request.",
        check: list_is_of_one_state,
    },
    Rule {
        name: "subtitles_come_and_go_by_name",
        promise: "put_subtitles adds or replaces one entry, the descriptor names its file, delete_subtitles takes it away.",
        check: subtitles_come_and_go_by_name,
    },
    Rule {
        name: "only_subtitles_are_taken_and_only_by_ready_assets",
        promise: "A file that is no subtitles is 422 subtitles_unreadable; an asset that has failed is 409 asset_not_ready.",
        check: only_subtitles_are_taken_and_only_by_ready_assets,
    },
    Rule {
        name: "page_size_and_cursor_are_checked",
        promise: "limit is 1 to 100, a cursor is one of ours; anything else is 400 invalid_request.",
        check: page_size_and_cursor_are_checked,
    },
];

fn staff() -> Actor {
    Actor::ours(Role::Staff)
}

fn service() -> Actor {
    Actor::ours(Role::Service)
}

fn ready_asset_says_what_it_is<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/ready")?;
        for actor in [staff(), service()] {
            let asset = subject.call("get_asset", &actor, json!({"asset_id": id})).await?;
            asset.ok()?;
            asset.has("/asset_id", id.as_str())?;
            asset.has("/state", "ready")?;
            asset.has("/progress_percent", 100)?;
            asset.has("/playable", true)?;
            asset.has("/failure", Value::Null)?;
            let heights: Vec<u64> = numbers(&asset.body["renditions"]);
            let falling = heights.windows(2).all(|pair| pair[0] > pair[1]);
            if heights.is_empty() || !falling {
                return Err(asset.violation("expected renditions, tallest first"));
            }
            let known = asset.body["source"].is_object() && asset.body["duration_seconds"].as_f64() > Some(0.0);
            if !known {
                return Err(asset.violation("expected source and duration_seconds"));
            }
        }
        Ok(())
    })
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

fn failed_asset_says_why<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/failed")?;
        let asset = subject.call("get_asset", &staff(), json!({"asset_id": id})).await?;
        asset.ok()?;
        asset.has("/state", "failed")?;
        asset.has("/renditions", json!([]))?;
        let said = |pointer: &str| asset.body.pointer(pointer).and_then(Value::as_str).is_some_and(|s| !s.is_empty());
        match said("/failure/code") && said("/failure/message") {
            true => Ok(()),
            false => Err(asset.violation("expected failure with code and message")),
        }
    })
}

fn descriptor_names_tracks_and_key<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/ready")?;
        let descriptor = subject.call("get_descriptor", &service(), json!({"asset_id": id})).await?;
        descriptor.ok()?;
        descriptor.has("/tracks/0/kind", "video")?;
        descriptor.has("/complete", true)?;
        let tracks = descriptor.body["tracks"].as_array().cloned().unwrap_or_default();
        let ids: BTreeSet<String> = tracks.iter().map(|track| track["track_id"].to_string()).collect();
        if ids.len() != tracks.len() {
            return Err(descriptor.violation("track ids must be unique in the asset"));
        }
        // 16 bytes in base64.
        match descriptor.body["at_rest"]["key_base64"]
            .as_str()
            .is_some_and(|key| key.len() == 24 && key.ends_with("=="))
        {
            true => Ok(()),
            false => Err(Violation::new("the descriptor's key is not 16 bytes in base64")),
        }
    })
}

fn descriptor_is_for_services<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/ready")?;
        subject.call("get_descriptor", &staff(), json!({"asset_id": id})).await?.refused(403, "forbidden").map(drop)
    })
}

fn unready_asset_has_no_descriptor<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/failed")?;
        let answer = subject.call("get_descriptor", &service(), json!({"asset_id": id})).await?;
        answer.refused(409, "asset_not_ready").map(drop)
    })
}

fn other_tenants_asset_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = json!({"asset_id": subject.given("/others")?});
        for actor in [staff(), service()] {
            subject.call("get_asset", &actor, id.clone()).await?.refused(404, "asset_not_found")?;
        }
        let put = wording(&id["asset_id"], "subtitles", WORDS);
        subject.call("put_subtitles", &staff(), put).await?.refused(404, "asset_not_found")?;
        subject.call("get_descriptor", &service(), id).await?.refused(404, "asset_not_found").map(drop)
    })
}

fn submission(upload: &str) -> Value {
    json!({"upload_id": upload, "protection": "cbcs"})
}

fn upload_makes_one_asset<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let request = submission(&subject.given("/complete_upload")?);
        let key = format!("conformance-{}", subject.given("/complete_upload")?);
        let first = subject.call("create_asset", &staff().with_key(&*key), request.clone()).await?;
        let again = subject.call("create_asset", &staff().with_key(&*key), request.clone()).await?;
        again.has("/asset_id", first.ok()?["asset_id"].clone())?;
        let other = subject.call("create_asset", &staff().with_key(format!("{key}-other")), request).await?;
        other.refused(409, "upload_in_use").map(drop)
    })
}

fn incomplete_upload_is_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let request = submission(&subject.given("/incomplete_upload")?);
        let answer = subject.call("create_asset", &staff().with_key("conformance-incomplete"), request).await?;
        answer.refused(409, "upload_incomplete").map(drop)
    })
}

fn other_tenants_upload_is_not_found<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let request = submission(&subject.given("/others_upload")?);
        let answer = subject.call("create_asset", &staff().with_key("conformance-others"), request).await?;
        answer.refused(404, "upload_not_found").map(drop)
    })
}

fn submission_needs_a_key<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let request = submission(&subject.given("/complete_upload")?);
        let answer = subject.call("create_asset", &staff(), request).await?;
        answer.refused(400, "idempotency_key_required").map(drop)
    })
}

/// Assets in a page of this number: few at first, so that there are several pages, then many, so that a long list ends.
fn page_size(number: usize) -> usize {
    if number < 5 { 1 } else { 100 }
}

fn pages_cover_every_asset_once<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (ours, hidden) = ([subject.given("/ready")?, subject.given("/failed")?], subject.given("/others")?);
        let (mut seen, mut cursor) = (BTreeSet::new(), Value::Null);
        for number in 0..1000 {
            let request = json!({"limit": page_size(number), "cursor": cursor});
            let page = subject.call("list_assets", &staff(), request).await?;
            for asset in page.ok()?["data"].as_array().into_iter().flatten() {
                let id = asset["asset_id"].as_str().unwrap_or_default().to_owned();
                if id == hidden || !seen.insert(id) {
                    return Err(page.violation("another tenant's asset, or one that was listed before"));
                }
            }
            cursor = page.body["next_cursor"].clone();
            if cursor.is_null() {
                return match ours.iter().all(|id| seen.contains(id)) {
                    true => Ok(()),
                    false => Err(page.violation("the pages do not hold every asset")),
                };
            }
        }
        Err(Violation::new("list_assets does not end after 1000 pages"))
    })
}

fn page_size_and_cursor_are_checked<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for request in [json!({"limit": 0}), json!({"limit": 101}), json!({"cursor": "not-one-of-yours"})] {
            subject.call("list_assets", &staff(), request).await?.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}

/// `WEBVTT` with one cue, and `hello` alone.
const WORDS: &str = "V0VCVlRUCgowMDowMC4wMDAgLS0+IDAwOjAxLjAwMApIZWxsbwo=";
const NO_WORDS: &str = "aGVsbG8=";

fn wording(asset: &Value, kind: &str, data: &str) -> Value {
    json!({"asset_id": asset, "subtitle_id": "conformance", "language": "pt-BR", "kind": kind, "data": data})
}

fn subtitles_come_and_go_by_name<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = Value::from(subject.given("/ready")?);
        let named = |list: &Value| -> Vec<Value> {
            let list = list.as_array().into_iter().flatten();
            list.filter(|entry| entry["subtitle_id"] == "conformance").cloned().collect()
        };
        for kind in ["subtitles", "captions"] {
            let put = subject.call("put_subtitles", &staff(), wording(&id, kind, WORDS)).await?;
            let found = named(&put.ok()?["subtitles"]);
            let expected = json!({"subtitle_id": "conformance", "language": "pt-BR", "kind": kind});
            if found != [expected] {
                return Err(put.violation("expected one entry of that name, as it was put last"));
            }
            let described = subject.call("get_descriptor", &service(), json!({"asset_id": id})).await?;
            let found = named(&described.ok()?["subtitles"]);
            if found.len() != 1 || !found.iter().all(|entry| entry["file"]["blob"].is_string()) {
                return Err(Violation::new("the descriptor does not name the file of subtitles that were put"));
            }
        }
        let gone = json!({"asset_id": id, "subtitle_id": "conformance"});
        for _ in 0..2 {
            let deleted = subject.call("delete_subtitles", &staff(), gone.clone()).await?;
            if !named(&deleted.ok()?["subtitles"]).is_empty() {
                return Err(deleted.violation("the subtitles are still there"));
            }
        }
        Ok(())
    })
}

fn only_subtitles_are_taken_and_only_by_ready_assets<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let (ready, failed) = (Value::from(subject.given("/ready")?), Value::from(subject.given("/failed")?));
        for (asset, kind, data, status, code) in [
            (&ready, "forced", NO_WORDS, 422, "subtitles_unreadable"),
            (&ready, "sung", WORDS, 400, "invalid_request"),
            (&failed, "forced", WORDS, 409, "asset_not_ready"),
        ] {
            let answer = subject.call("put_subtitles", &staff(), wording(asset, kind, data)).await?;
            answer.refused(status, code)?;
        }
        Ok(())
    })
}

fn cancelled_asset_is_made_anew<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let upload = subject.given("/complete_upload")?;
        let key = format!("conformance-{upload}");
        let made = subject.call("create_asset", &staff().with_key(key), submission(&upload)).await?;
        let id = json!({"asset_id": made.ok()?["asset_id"]});
        let cancelled = subject.call("cancel_asset", &staff(), id.clone()).await?;
        if cancelled.refused(409, "asset_not_processing").is_ok() {
            return Ok(()); // a quick worker has ended it
        }
        cancelled.ok()?;
        cancelled.has("/state", "cancelled")?;
        let again = subject.call("cancel_asset", &staff(), id.clone()).await?;
        again.has("/version", cancelled.body["version"].clone())?;
        subject.call("get_descriptor", &service(), id.clone()).await?.refused(409, "asset_not_ready")?;
        let retried = subject.call("retry_asset", &staff(), id.clone()).await?;
        retried.ok()?;
        retried.has("/state", "processing")?;
        retried.has("/progress_percent", 0)
    })
}

fn ready_asset_stays_as_it_is<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = json!({"asset_id": subject.given("/ready")?});
        subject.call("cancel_asset", &staff(), id.clone()).await?.refused(409, "asset_not_processing")?;
        subject.call("retry_asset", &staff(), id.clone()).await?.refused(409, "asset_not_retryable")?;
        subject.call("get_asset", &staff(), id).await?.has("/state", "ready")
    })
}

fn other_tenants_asset_is_not_steered<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/others")?;
        for operation in ["cancel_asset", "retry_asset", "get_asset_log"] {
            let answer = subject.call(operation, &staff(), json!({"asset_id": id})).await?;
            answer.refused(404, "asset_not_found")?;
        }
        let request = json!({"asset_id": id, "priority": 1});
        subject.call("prioritize_asset", &staff(), request).await?.refused(404, "asset_not_found").map(drop)
    })
}

fn priority_is_checked<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let id = subject.given("/ready")?;
        for priority in [json!(-101), json!(101), json!("high")] {
            let request = json!({"asset_id": id, "priority": priority});
            subject.call("prioritize_asset", &staff(), request).await?.refused(400, "invalid_request")?;
        }
        Ok(())
    })
}

fn log_says_what_was_done<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for which in ["/ready", "/failed"] {
            let id = json!({"asset_id": subject.given(which)?});
            let log = subject.call("get_asset_log", &staff(), id.clone()).await?;
            let lines = log.ok()?["lines"].as_array().cloned().unwrap_or_default();
            let times: Vec<Option<Timestamp>> =
                lines.iter().map(|line| line["at"].as_str().and_then(|at| at.parse().ok())).collect();
            if lines.is_empty() || !times.is_sorted() {
                return Err(log.violation("expected lines, oldest first"));
            }
            subject.call("get_asset_log", &service(), id).await?.refused(403, "forbidden")?;
        }
        Ok(())
    })
}

fn list_is_of_one_state<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let failed = subject.given("/failed")?;
        let page = subject.call("list_assets", &staff(), json!({"limit": 100, "state": "failed"})).await?;
        let listed = page.ok()?["data"].as_array().cloned().unwrap_or_default();
        let only = listed.iter().all(|asset| asset["state"] == "failed");
        if !only || !listed.iter().any(|asset| asset["asset_id"] == *failed) {
            return Err(page.violation("expected the failed asset, and none in another state"));
        }
        let answer = subject.call("list_assets", &staff(), json!({"state": "no-such-state"})).await?;
        answer.refused(400, "invalid_request").map(drop)
    })
}

fn pull_is_followed_by_its_upload<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        let key = format!("conformance-pull-{}", subject.given("/complete_upload")?);
        let request = json!({"url": "http://films.invalid/film.mp4?signature=secret"});
        let made = subject.call("create_pull", &staff().with_key(key), request).await?;
        let id = json!({"upload_id": made.ok()?["upload_id"]});
        let pull = subject.call("get_pull", &staff(), id).await?;
        pull.has("/host", "films.invalid")?;
        if pull.ok()?.to_string().contains("secret") {
            return Err(Violation::new("the pull tells the whole address, signature and all"));
        }
        let sent = json!({"upload_id": subject.given("/others_upload")?});
        subject.call("get_pull", &staff(), sent).await?.refused(404, "pull_not_found").map(drop)
    })
}

fn pull_of_metadata_is_refused<'s>(subject: &'s Subject<'_>) -> Check<'s> {
    Box::pin(async move {
        for url in ["http://169.254.169.254/latest/meta-data/", "ftp://films.invalid/a", "https://u:p@films.invalid/a"]
        {
            let key = format!("conformance-refused-{url}");
            let answer = subject.call("create_pull", &staff().with_key(key), json!({"url": url})).await?;
            answer.refused(400, "address_refused")?;
        }
        Ok(())
    })
}
