//! Who looks after the deployment: tenants come and go, and look as they are told to.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use super::{World, viewer::text};

const PICTURE: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"><rect width="16" height="16" fill="#123456"/></svg>"##;

impl World {
    /// The tenant gets a name and a picture, and the picture goes.
    pub(crate) async fn dress(&self) {
        let name = self.fresh("Brand");
        self.staff.put("/tenancy/v1/management/brand", json!({"name": name})).await.ok();
        let shown = self.visitor().get("/tenancy/v1/brand").await.ok();
        assert_eq!(shown["name"], name.as_str(), "{shown}");
        let path = "/tenancy/v1/management/brand/pictures/favicon";
        let drawn = self.staff.put(path, json!({"data": BASE64_STANDARD.encode(PICTURE)})).await.ok();
        assert!(drawn["favicon"].is_object(), "{drawn}");
        let bare = self.staff.delete(path).await.ok();
        assert!(bare["favicon"].is_null(), "{bare}");
    }

    /// A tenant is made, with a host and a key; it is exported, suspended, and served again.
    pub(crate) async fn look_after_a_tenant(&self) {
        let (tenant, operator) = (self.fresh("tenant"), &self.operator);
        let path = format!("/tenancy/v1/tenants/{tenant}");
        let new = json!({"name": "New", "kind": "test", "default_locale": "en"});
        operator.put(&path, new.clone()).await.ok();
        operator.put(&path, new).await.ok();
        let host = format!("{path}/hosts/{tenant}.example");
        let hosts = operator.put(&host, json!({})).await.ok()["hosts"].clone();
        assert_eq!(hosts, json!([format!("{tenant}.example")]));
        assert_eq!(operator.delete(&host).await.ok()["hosts"], json!([]));
        let wanted = json!({"name": "first", "scopes": ["*"]});
        let key = operator.post(&format!("{path}/keys"), &tenant, wanted.clone()).await.ok();
        let again = operator.post(&format!("{path}/keys"), &tenant, wanted).await.ok();
        assert_eq!(again, key, "the same key has the same answer");
        let export = operator.post(&format!("{path}/exports"), &tenant, json!({})).await.ok();
        let export = format!("{path}/exports/{}", text(&export, "export_id"));
        operator
            .until("an export to be ready", async || {
                (operator.get(&export).await.ok()["state"] == "ready").then_some(())
            })
            .await;
        let suspended = operator.act(&format!("{path}/suspend"), json!({"reason": "a trial"})).await.ok();
        assert_eq!(suspended["state"], "suspended", "{suspended}");
        let resumed = operator.act(&format!("{path}/resume"), json!({})).await.ok();
        assert_eq!(resumed["state"], "active", "{resumed}");
    }
}
