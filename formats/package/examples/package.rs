//! Packages movies: `package in.mp4… --out folder [--key-id hex --key hex [--iv hex]] [--segment seconds] [--overwrite]`.
#![allow(clippy::print_stdout, reason = "a command line tells what it made")]

use std::{env, error::Error, path::PathBuf};

use tessera_package::{Encryption, Options, package};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options {
        inputs: Vec::new(),
        output: PathBuf::from("."),
        segment_duration: 6,
        encryption: None,
        overwrite: false,
    };
    let (mut key_id, mut key, mut iv) = (None, None, None);
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--out" => options.output = value()?.into(),
            "--segment" => options.segment_duration = value()?.parse()?,
            "--key-id" => key_id = Some(value()?),
            "--key" => key = Some(value()?),
            "--iv" => iv = Some(value()?),
            "--overwrite" => options.overwrite = true,
            _ => options.inputs.push(word.into()),
        }
    }
    if let (Some(key_id), Some(key)) = (key_id, key) {
        let encryption = Encryption::cbcs(&key_id, &key)?;
        options.encryption = Some(if let Some(iv) = iv { encryption.with_iv(&iv)? } else { encryption });
    }
    let report = package(&options, |_| {})?;
    println!("{} bytes of media in {} files", report.media_size, report.files.len());
    Ok(())
}
