//! People who run the service: they upload, publish, sell, and hand out keys.

use std::net::Ipv4Addr;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{
    World, clip,
    viewer::{Viewer, text},
    world::LONG,
};
use crate::Receiver;

const TUS: &str = "application/offset+octet-stream";

impl World {
    /// Uploads a file; its id once all of it has arrived.
    pub(crate) async fn upload(&self, file: &[u8]) -> String {
        let length = file.len().to_string();
        let create = |http: &crate::Browser| {
            let request = http.request(Method::POST, "/media/v1/uploads").header("tus-resumable", "1.0.0");
            request.header("upload-length", &length)
        };
        let created = self.staff.ask(create).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
        let location = created.headers[header::LOCATION].to_str().expect("an address").to_owned();
        loop {
            let head = |http: &crate::Browser| http.request(Method::HEAD, &location).header("tus-resumable", "1.0.0");
            let stands = self.staff.ask(head).await;
            assert!(stands.status.is_success(), "an upload that was acknowledged is there: {}", stands.status);
            let at: usize =
                stands.headers["upload-offset"].to_str().ok().and_then(|n| n.parse().ok()).expect("a number");
            if at == file.len() {
                return location.rsplit('/').next().expect("an id").to_owned();
            }
            let rest = file[at..].to_vec();
            let patch = |http: &crate::Browser| {
                let request = http.request(Method::PATCH, &location).header("tus-resumable", "1.0.0");
                request.header("upload-offset", at).header(header::CONTENT_TYPE, TUS).body(rest.clone())
            };
            let answer = self.staff.ask(patch).await;
            // What the crash hid has arrived: look where it stands.
            assert!(matches!(answer.status.as_u16(), 204 | 409), "{}", answer.text());
        }
    }

    /// Uploads, and thinks better of it.
    pub(crate) async fn upload_in_vain(&self) {
        let id = self.upload(&self.clip).await;
        let path = format!("/media/v1/uploads/{id}");
        let delete = |http: &crate::Browser| http.request(Method::DELETE, &path).header("tus-resumable", "1.0.0");
        let ended = self.staff.ask(delete).await;
        assert!(matches!(ended.status.as_u16(), 204 | 404), "{}", ended.text());
    }

    /// From the clip to a title that is for everybody; its id, and its asset's.
    pub(crate) async fn ingest(&self, protection: &str) -> (String, String) {
        let asset_id = self.submit(&self.clip, protection).await;
        (self.publish(&asset_id).await, asset_id)
    }

    /// From a file to an asset that is ready; its id.
    async fn submit(&self, file: &[u8], protection: &str) -> String {
        let upload_id = self.upload(file).await;
        let (key, wanted) = (self.fresh("asset"), json!({"upload_id": upload_id, "protection": protection}));
        let asset = self.staff.post("/media/v1/assets", &key, wanted.clone()).await.ok();
        let again = self.staff.post("/media/v1/assets", &key, wanted).await.ok();
        assert_eq!(again, asset, "the same key has the same answer");
        let asset_id = text(&asset, "asset_id");
        self.until_ready(&asset_id).await;
        asset_id
    }

    /// Has a film encoded in parts: each is in it once.
    pub(crate) async fn ingest_in_parts(&self) {
        let path = format!("/media/v1/assets/{}", self.submit(&self.long_clip, "clear").await);
        let log = self.staff.get(&format!("{path}/log")).await.ok();
        let lines = || log["lines"].as_array().into_iter().flatten().filter_map(|line| line["message"].as_str());
        assert_eq!(lines().filter(|line| *line == "encoding in 2 parts").count(), 1, "{log}");
        for part in ["part 1:", "part 2:"] {
            assert!(lines().any(|line| line.starts_with(part) && line.ends_with("are stored")), "{part} {log}");
        }
        let asset = self.staff.get(&path).await.ok();
        let pictures = asset["duration_seconds"].as_f64().map(|seconds| (seconds * clip::RATE).round());
        assert_eq!(pictures, Some(f64::from(LONG)), "each part once, and none is missing: {asset}");
    }

    async fn until_ready(&self, asset_id: &str) {
        let path = format!("/media/v1/assets/{asset_id}");
        self.staff
            .until("an asset to be ready", async || {
                let asset = self.staff.get(&path).await.ok();
                assert!(asset["state"] != "failed", "{asset}");
                (asset["state"] == "ready").then_some(())
            })
            .await;
        self.assets.lock().expect("nobody panics while holding it").insert(asset_id.to_owned());
    }

    /// Has a file fetched, which is refused once its host is looked up.
    pub(crate) async fn pull(&self) {
        let (key, wanted) = (self.fresh("pull"), json!({"url": "http://localhost:1/film.mp4"}));
        let pull = self.staff.post("/media/v1/pulls", &key, wanted.clone()).await.ok();
        let again = self.staff.post("/media/v1/pulls", &key, wanted).await.ok();
        assert_eq!(again["upload_id"], pull["upload_id"], "the same key has the same answer");
        let path = format!("/media/v1/pulls/{}", text(&pull, "upload_id"));
        self.staff
            .until("the pull to be refused", async || {
                let pull = self.staff.get(&path).await.ok();
                (pull["failure"]["code"] == "address_refused").then_some(())
            })
            .await;
    }

    /// Moves an asset ahead, cancels it, and has it made all the same. A quick worker may be done before.
    pub(crate) async fn steer(&self) {
        let upload_id = self.upload(&self.clip).await;
        let (key, wanted) = (self.fresh("asset"), json!({"upload_id": upload_id, "protection": "clear"}));
        let asset_id = text(&self.staff.post("/media/v1/assets", &key, wanted).await.ok(), "asset_id");
        let path = format!("/media/v1/assets/{asset_id}");
        let moved = self.staff.put(&format!("{path}/priority"), json!({"priority": 9})).await;
        let cancelled = self.staff.act(&format!("{path}/cancel"), json!({})).await;
        let retried = self.staff.act(&format!("{path}/retry"), json!({})).await;
        for answer in [moved, cancelled, retried] {
            assert!(matches!(answer.status.as_u16(), 200 | 409), "{}", answer.text());
        }
        self.until_ready(&asset_id).await;
    }

    /// Puts subtitles beside a film, and takes them away.
    pub(crate) async fn subtitle(&self) {
        let path = format!("/media/v1/assets/{}/subtitles/{}", self.an_asset().await, self.fresh("words"));
        // WebVTT with one cue.
        let words = "V0VCVlRUCgowMDowMC4wMDAgLS0+IDAwOjAxLjAwMApIZWxsbwo=";
        let wanted = json!({"language": "en", "kind": "subtitles", "data": words});
        let has = |asset: &Value| {
            let list = asset["subtitles"].as_array().into_iter().flatten();
            list.filter(|subtitles| subtitles["subtitle_id"].as_str().is_some_and(|id| path.ends_with(id))).count()
        };
        let put = self.staff.put(&path, wanted.clone()).await.ok();
        let again = self.staff.put(&path, wanted).await.ok();
        assert_eq!((has(&put), has(&again)), (1, 1), "{put} {again}");
        let bare = self.staff.delete(&path).await.ok();
        assert_eq!(has(&bare), 0, "{bare}");
    }

    /// A title that shows the asset; its id. It is edited on the way.
    pub(crate) async fn publish(&self, asset_id: &str) -> String {
        let draft = |name: &str| json!({"name": {"en": name}, "access": {"free": true}, "asset_id": asset_id});
        let (key, wanted) = (self.fresh("title"), json!({"title": draft("Clip")}));
        let title = self.staff.post("/catalog/v1/management/titles", &key, wanted.clone()).await.ok();
        let again = self.staff.post("/catalog/v1/management/titles", &key, wanted).await.ok();
        assert_eq!(again, title, "the same key has the same answer");
        let path = format!("/catalog/v1/management/titles/{}", text(&title, "title_id"));
        let edit = json!({"title": draft("Edited"), "expected_version": title["version"]});
        let edited = self.staff.put(&path, edit).await;
        // An event, or the edit that the crash hid, has taken the version.
        assert!(edited.status.is_success() || edited.status.as_u16() == 412, "{}", edited.text());
        self.staff.act(&format!("{path}/publish"), json!({})).await.ok();
        let public = format!("/catalog/v1/titles/{}", text(&title, "title_id"));
        self.staff
            .until("the title to know its length", async || {
                let shown = self.visitor().get(&public).await.ok();
                shown["duration_seconds"].as_i64().map(|_| ())
            })
            .await;
        text(&title, "title_id")
    }

    /// Takes a title down.
    pub(crate) async fn withdraw(&self, title_id: &str) {
        let path = format!("/catalog/v1/management/titles/{title_id}/withdraw");
        self.staff.act(&path, json!({})).await.ok();
        let gone = self.visitor().get(&format!("/catalog/v1/titles/{title_id}")).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "{}", gone.text());
    }

    /// Puts something up for sale, and takes it down.
    pub(crate) async fn sell(&self) {
        let key = self.fresh("offer");
        let offer = json!({
            "name": {"en": key}, "terms": {"kind": "subscription", "plan": key},
            "price": {"amount_minor": 100, "currency": "EUR"}, "max_streams": 1,
        });
        let made = self.staff.post("/billing/v1/management/offers", &key, offer.clone()).await.ok();
        let again = self.staff.post("/billing/v1/management/offers", &key, offer).await.ok();
        assert_eq!(again, made, "the same key has the same answer");
        let path = format!("/billing/v1/management/offers/{}/archive", text(&made, "offer_id"));
        let archived = self.staff.act(&path, json!({})).await.ok();
        assert_eq!(archived["archived"], true, "{archived}");
    }

    /// Makes two keys, gives each a new secret, and revokes one.
    pub(crate) async fn hand_out_keys(&self) {
        for revoked in [true, false] {
            let wanted = json!({"name": "a server's", "scopes": ["catalog:read"]});
            let idempotency = self.fresh("key");
            let path = "/identity/v1/management/api-keys";
            let made = self.staff.post(path, &idempotency, wanted.clone()).await.ok();
            let again = self.staff.post(path, &idempotency, wanted).await.ok();
            assert_eq!(again, made, "the same key has the same answer");
            let (rotate, rotation) =
                (format!("{path}/{}/rotate", text(&made["key"], "key_id")), self.fresh("rotation"));
            let rotated = self.staff.post(&rotate, &rotation, json!({})).await.ok();
            let again = self.staff.post(&rotate, &rotation, json!({})).await.ok();
            assert_eq!(again, rotated, "the same key has the same answer");
            if revoked {
                let revoke = format!("{path}/{}/revoke", text(&made["key"], "key_id"));
                self.staff.act(&revoke, json!({})).await.ok();
            }
            // Both secrets work: the old one has a day yet.
            let secrets = [text(&made, "secret"), text(&rotated, "secret")].map(|secret| (secret, revoked));
            self.keys.lock().expect("nobody panics while holding it").extend(secrets);
        }
    }

    /// Registers an address, has it told of an account and of things twice, and forgets it.
    pub(crate) async fn tell_outside(&self) {
        let (key, path) = (self.fresh("endpoint"), "/webhooks/v1/endpoints");
        let wanted = json!({"url": Receiver::open().url(Ipv4Addr::LOCALHOST), "event_types": ["tessera.identity.account.created.v1"]});
        let made = self.staff.post(path, &key, wanted.clone()).await.ok();
        let again = self.staff.post(path, &key, wanted).await.ok();
        assert_eq!(again, made, "the same key has the same answer");
        let path = format!("{path}/{}", text(&made["endpoint"], "endpoint_id"));
        let rotated = self.staff.post(&format!("{path}/rotate"), &self.fresh("rotation"), json!({})).await.ok();
        assert_ne!(rotated["secret"], made["secret"], "another secret");
        let edit = json!({"description": "Ours", "expected_version": rotated["endpoint"]["version"]});
        let edited = self.staff.patch(&path, edit).await;
        // The edit that the crash hid has taken the version.
        assert!(edited.status.is_success() || edited.status.as_u16() == 412, "{}", edited.text());
        let key = self.fresh("ping");
        let ping = self.staff.post(&format!("{path}/ping"), &key, json!({})).await.ok();
        let again = self.staff.post(&format!("{path}/ping"), &key, json!({})).await.ok();
        assert_eq!(again["delivery_id"], ping["delivery_id"], "the same key has the same answer");
        let newcomer = Viewer::newcomer(self).await;
        self.until_delivered(&path, &newcomer.account_id).await;
        let delivery = format!("/webhooks/v1/deliveries/{}", text(&ping, "delivery_id"));
        self.staff.act(&format!("{delivery}/replay"), json!({})).await.ok();
        self.staff.act(&format!("{path}/replay"), json!({"since": "2020-01-01T00:00:00Z"})).await.ok();
        self.until_delivered(&path, &newcomer.account_id).await;
        let gone = self.staff.delete(&path).await;
        // The answer may have died with the server.
        assert!(matches!(gone.status.as_u16(), 200 | 404), "{}", gone.text());
    }

    /// Waits until the ping and the event about the account have been taken, each of which is there once.
    async fn until_delivered(&self, path: &str, account: &str) {
        let path = format!("{path}/deliveries");
        let all = self
            .staff
            .until("deliveries to be made", async || {
                let listed = self.staff.get(&path).await.ok();
                let all = listed["data"].as_array().cloned().unwrap_or_default();
                let taken = all.iter().filter(|delivery| delivery["state"] == "delivered").count();
                (taken >= 2 && taken == all.len()).then_some(all)
            })
            .await;
        let mut about = 0;
        for delivery in all {
            let read = format!("/webhooks/v1/deliveries/{}", text(&delivery, "delivery_id"));
            about += usize::from(text(&self.staff.get(&read).await.ok(), "body").contains(account));
        }
        assert_eq!(about, 1, "one delivery tells of the account");
    }

    /// Gives a right to watch, looks at it, and takes it back.
    pub(crate) async fn grant(&self) {
        let reference = self.fresh("gift");
        let path = format!("/entitlement/v1/grants/gifts/{reference}");
        let account = format!("acc_{reference}");
        let grant = json!({
            "account_id": account, "scope": {"kind": "plan", "plan": "basic"}, "starts_at": "2020-01-01T00:00:00Z",
            "max_streams": 1, "version": 1,
        });
        self.staff.put(&path, grant).await.ok();
        assert_eq!(self.decided(&account).await["allowed"], true, "{account}");
        self.staff.act(&format!("{path}/revoke"), json!({"version": 2})).await.ok();
        assert_eq!(self.decided(&account).await["reason"], "grant_revoked", "{account}");
    }

    async fn decided(&self, account: &str) -> Value {
        let facts = json!({"title_id": "ttl_any", "free": false, "plans": ["basic"], "minimum_age": 0});
        let question = json!({"viewing": {"account_id": account}, "facts": facts});
        self.staff.act("/entitlement/v1/decisions", question).await.ok()
    }
}
