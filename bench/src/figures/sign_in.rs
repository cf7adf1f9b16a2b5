//! Whole sign-ins beside the hash that each of them has to compute.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use futures::future::join_all;
use tessera_tests::Site;

use crate::{
    figure::{Better, Figure},
    server::Server,
};

/// Browsers that sign in over and over, and hashes alone on as many threads as the server computes them on.
pub(crate) async fn sign_in(server: &Server, length: Duration) -> Vec<Figure> {
    let hashes = tokio::task::spawn_blocking(move || hashes(length)).await.expect("hashing does not panic");
    let site = Site::new("demo", server.address.port());
    let begun = Instant::now();
    let people = (0..6).map(|number| {
        let site = site.clone();
        tokio::spawn(async move {
            let mut done = 0_u32;
            while begun.elapsed() < length {
                site.browser().sign_in(&format!("bench-{number}@viewer.example"), "correct horse battery").await;
                done += 1;
            }
            done
        })
    });
    let done: u32 = join_all(people).await.into_iter().map(|done| done.expect("a sign-in works")).sum();
    let ours = f64::from(done) / begun.elapsed().as_secs_f64();
    let figure = Figure::beside("sign-in", ours, "1/s", Better::Higher, ("argon2id alone", hashes));
    vec![
        figure
            .by("six browsers in a closed loop: pages, form, code, session; beside 19 MiB, two passes, on two threads"),
    ]
}

/// Hashes a second on two threads, with the server's default parameters.
fn hashes(length: Duration) -> f64 {
    let hash = move || {
        let params = Params::new(19456, 2, 1, None).expect("the default parameters");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let (begun, mut done) = (Instant::now(), 0_u32);
        while begun.elapsed() < length {
            argon2.hash_password(b"correct horse battery").expect("argon2 takes a password");
            done += 1;
        }
        f64::from(done) / begun.elapsed().as_secs_f64()
    };
    let threads = [std::thread::spawn(hash), std::thread::spawn(hash)];
    threads.into_iter().map(|thread| thread.join().expect("hashing does not panic")).sum()
}
