//! The OpenID provider of `examples/identity-oidc`, at work.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{NodeProgram, Site};

const EXAMPLE: &str = "identity-oidc";
/// The secret of a brand's client that has one.
const CLIENT_SECRET: &str = "a-secret-of-the-rival's-client";

/// A provider for two brands: `demo`, a public client, and `rival`, which has a secret.
pub struct SignInProvider {
    /// Its address and issuer identifier.
    pub url: String,
    port: u16,
    folder: PathBuf,
    program: Option<NodeProgram>,
}

impl SignInProvider {
    /// Starts one at `port` for the brands of the deployment at `site`, with its files in `folder`.
    pub fn start(folder: &Path, port: u16, site: &Site) -> Self {
        let url = format!("http://127.0.0.1:{port}");
        let brand = |tenant: &str, name: &str| {
            let origin = site.of(tenant).url;
            json!({
                "client_id": format!("tessera-{tenant}"), "client_name": name,
                "redirect_uris": [format!("{origin}/auth/callback")], "post_logout_redirect_uris": [format!("{origin}/")],
            })
        };
        let mut rival = brand("rival", "Rival");
        rival["client_secret"] = CLIENT_SECRET.into();
        let television = json!({"client_id": "tv", "client_name": "TV", "redirect_uris": [Self::TV_CALLBACK]});
        let clients = json!([brand("demo", "Lumen"), rival, television]);
        let resources = json!([site.of("demo").url, site.of("rival").url]);
        let config = json!({"issuer": url, "clients": clients, "resources": resources});
        fs::create_dir_all(folder).expect("a folder can be made");
        fs::write(folder.join("provider.json"), config.to_string()).expect("a file can be written");
        let mut provider = Self { url, port, folder: folder.to_owned(), program: None };
        provider.come_back();
        provider
    }

    /// Where an app on a television has people sent back to.
    pub const TV_CALLBACK: &str = "https://tv.example/callback";

    /// The setting that puts it in place.
    pub fn setting(port: u16) -> String {
        format!(
            "[identity_provider]\nissuer = \"http://127.0.0.1:{port}\"\nclient_id = \"tessera-{{tenant}}\"\n\
             client_secrets = {{ rival = \"{CLIENT_SECRET}\" }}\n"
        )
    }

    /// It is not there any more.
    pub fn go_away(&mut self) {
        self.program = None;
    }

    /// It is there again, with the people of before.
    pub fn come_back(&mut self) {
        let arguments = [
            "--config".into(),
            self.folder.join("provider.json"),
            "--folder".into(),
            self.folder.clone(),
            "--port".into(),
            self.port.to_string().into(),
        ];
        self.program = Some(NodeProgram::start(EXAMPLE, "provider/main.ts", &arguments));
    }

    /// It is there again, and signs with another key.
    pub fn come_back_with_another_key(&mut self) {
        self.go_away();
        fs::remove_file(self.folder.join("keys.json")).expect("it has keys");
        self.come_back();
    }

    /// A token with this header and these claims, signed with the provider's own key.
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        const SIGN: &str = "import { readFileSync } from 'node:fs'; import { SignJWT, importJWK } from 'jose';
            const [file, header, claims] = process.argv.slice(1);
            const [jwk] = JSON.parse(readFileSync(file, 'utf8')).keys;
            const given = { alg: 'RS256', kid: jwk.kid, ...JSON.parse(header) };
            const token = new SignJWT(JSON.parse(claims)).setProtectedHeader(given);
            process.stdout.write(await token.sign(await importJWK(jwk, 'RS256')));";
        let output = Command::new("node")
            .args(["--input-type=module", "-e", SIGN])
            .arg(self.folder.join("keys.json"))
            .args([header.to_string(), claims.to_string()])
            .current_dir(crate::project().join("examples").join(EXAMPLE))
            .output()
            .expect("node can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a token is text")
    }
}
