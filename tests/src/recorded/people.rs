//! Whoever asks a server something in a recorded story.

use std::{fs, sync::Arc};

use reqwest::Method;
use tessera_contract::{CX_HEADER, Cx, CxSigner};
use tessera_types::{SystemClock, TenantId};

use super::Asked;
use crate::{Answer, Browser, Demo};

/// The tenant of the story.
const TENANT: &str = "demo";
/// The viewer who signs up for it.
pub(super) const VIEWER: &str = "recorded@viewer.example";

/// Everybody, with a credential each.
pub struct People {
    visitor: Browser,
    viewer: Browser,
    staff: Browser,
    operator: Browser,
    signer: CxSigner,
}

impl People {
    /// The people of a demo that nobody has signed up at.
    ///
    /// # Panics
    /// The demo lets nobody in.
    pub async fn of(demo: &Demo) -> Self {
        let mut viewer = demo.site.browser();
        viewer.sign_up(VIEWER, "correct horse battery").await;
        let digits = fs::read_to_string(demo.folder().join("data/secrets/cx-signing")).expect("the demo's secret");
        let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hexadecimal digits");
        let secret: Vec<u8> = (0..32).map(byte).collect();
        Self {
            visitor: demo.site.visitor(),
            viewer,
            staff: demo.site.with_token(demo.fact("staff_key")),
            operator: demo.site.of("platform").with_token(demo.fact("operator_key")),
            signer: CxSigner::new(&secret, Arc::new(SystemClock)),
        }
    }

    /// Asks as `caller` of a contract.
    ///
    /// # Panics
    /// Nobody is called so, or nobody answers.
    pub(super) async fn ask(&self, caller: &str, contract: &str, asked: &Asked) -> Answer {
        let browser = match caller {
            "viewer" => &self.viewer,
            "staff" => &self.staff,
            "operator" => &self.operator,
            _ => &self.visitor,
        };
        let method = Method::from_bytes(asked.method.as_bytes()).expect("a method");
        let mut request = browser.request(method, &asked.path);
        if let Some(module) = caller.strip_prefix("service:") {
            let cx = Cx::service(tenant(), module, &SystemClock);
            request = request.header(CX_HEADER, self.signer.sign(&cx, contract).expect("a context can be signed"));
        }
        if let Some(key) = &asked.key {
            request = request.header("idempotency-key", key);
        }
        if !asked.body.is_null() {
            request = request.json(&asked.body);
        }
        browser.send(request).await
    }
}

pub(super) fn tenant() -> TenantId {
    TENANT.parse().expect("a tenant's name")
}
