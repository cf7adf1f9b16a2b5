//! Boxes equal those of Shaka Packager 3.8, run where it is installed and stored beside for where it is not.

use tessera_isobmff::Boxes;
use tessera_pssh::{
    ContentKey, FairPlay, KeyId, PlayReady, PlayReadyHeader, PlayReadyObject, Protection, Pssh, Scheme, Widevine,
    WidevineData, checksum,
};
use tessera_test_media::{Bench, tone};

const VIDEO: (KeyId, [u8; 16]) = (
    0x00112233_4455_6677_8899_aabbccddeeff_u128.to_be_bytes(),
    0x01234567_89abcdef_01234567_89abcdef_u128.to_be_bytes(),
);
const AUDIO: (KeyId, [u8; 16]) = (
    0xffeeddcc_bbaa_9988_7766_554433221100_u128.to_be_bytes(),
    0xfedcba98_76543210_fedcba98_76543210_u128.to_be_bytes(),
);
const LICENCE_URL: &str = "https://pr.example/rightsmanager.asmx?a=1&b=2";

/// One run of the packager and what it writes into `moov`.
struct Case {
    name: &'static str,
    scheme: Scheme,
    keys: &'static [(KeyId, [u8; 16])],
    licence_url: bool,
    expected: &'static [u8],
}

const CASES: [Case; 5] = [
    Case {
        name: "one-cenc",
        scheme: Scheme::Cenc,
        keys: &[VIDEO],
        licence_url: false,
        expected: include_bytes!("expected/one-cenc.bin"),
    },
    Case {
        name: "one-cbcs",
        scheme: Scheme::Cbcs,
        keys: &[VIDEO],
        licence_url: false,
        expected: include_bytes!("expected/one-cbcs.bin"),
    },
    Case {
        name: "two-cenc",
        scheme: Scheme::Cenc,
        keys: &[AUDIO, VIDEO],
        licence_url: true,
        expected: include_bytes!("expected/two-cenc.bin"),
    },
    Case {
        name: "two-cbcs",
        scheme: Scheme::Cbcs,
        keys: &[AUDIO, VIDEO],
        licence_url: false,
        expected: include_bytes!("expected/two-cbcs.bin"),
    },
    Case {
        name: "url-cbcs",
        scheme: Scheme::Cbcs,
        keys: &[VIDEO],
        licence_url: true,
        expected: include_bytes!("expected/url-cbcs.bin"),
    },
];

impl Case {
    /// The track under test has the last key.
    fn protection(&self) -> Protection {
        let (id, key) = *self.keys.last().unwrap();
        Protection {
            scheme: self.scheme,
            key: ContentKey { id, checksum: Some(checksum(id, &key)) },
            key_ids: self.keys.iter().map(|(id, _)| *id).collect(),
            common: true,
            widevine: Some(Widevine::default()),
            playready: Some(PlayReady { licence_url: self.licence_url.then(|| LICENCE_URL.to_owned()) }),
            fairplay: Some(FairPlay { uri: "skd://key".to_owned(), write_box: false }),
        }
    }

    fn ours(&self) -> Vec<u8> {
        self.protection().boxes().unwrap().iter().flat_map(|pssh| pssh.write().unwrap()).collect()
    }

    /// Runs the packager. Its labels sort as the keys stand here.
    fn theirs(&self, bench: &Bench) -> Option<Vec<u8>> {
        let hex = |bytes: [u8; 16]| format!("{:032x}", u128::from_be_bytes(bytes));
        let keys = self.keys.iter().enumerate();
        let keys: Vec<_> =
            keys.map(|(place, (id, key))| format!("label=K{place}:key_id={}:key={}", hex(*id), hex(*key))).collect();
        let url = format!("<LA_URL>{}</LA_URL>", LICENCE_URL.replace('&', "&amp;"));
        let extra = if self.licence_url { format!("--playready_extra_header_data {url}") } else { String::new() };
        bench.shaka_packager(&format!(
            "in=source.mp4,stream=audio,output={}.mp4,drm_label=K{} --enable_raw_key_encryption --keys {} \
             --protection_scheme {} --protection_systems Widevine,PlayReady,Common,FairPlay --clear_lead 0 {extra}",
            self.name,
            self.keys.len() - 1,
            keys.join(","),
            String::from_utf8_lossy(&self.scheme.code()),
        ))?;
        let file = bench.read(&format!("{}.mp4", self.name));
        let moov = Boxes::new(b"file", &file).only(b"moov").unwrap();
        let boxes = moov.children().map(Result::unwrap).filter(|found| found.kind == b"pssh");
        Some(boxes.flat_map(|found| found.bytes.to_vec()).collect())
    }
}

#[test]
fn boxes_are_those_that_shaka_packager_wrote() {
    for case in CASES {
        assert_eq!(Pssh::read_all(&case.ours()), Pssh::read_all(case.expected), "{}", case.name);
        assert_eq!(case.ours(), case.expected, "{}", case.name);
    }
}

#[test]
fn boxes_are_those_that_shaka_packager_writes() {
    let bench = Bench::new();
    if bench.ffmpeg(&format!("{} -c:a aac source.mp4", tone(1.0))).is_none() {
        return;
    }
    for case in CASES {
        let Some(theirs) = case.theirs(&bench) else { return };
        assert_eq!(case.ours(), theirs, "{}", case.name);
    }
}

#[test]
fn what_shaka_packager_wrote_is_read_back() {
    for case in CASES {
        let [common, playready, widevine] = <[Pssh; 3]>::try_from(Pssh::read_all(case.expected).unwrap()).unwrap();
        let protection = case.protection();
        assert_eq!(common, Pssh::common(&protection.key_ids), "{}", case.name);
        assert_eq!(WidevineData::of(&widevine).unwrap(), protection.widevine_data().unwrap(), "{}", case.name);
        assert_eq!(WidevineData::of(&widevine).unwrap().scheme(), Some(case.scheme), "{}", case.name);
        let header = PlayReadyHeader::read(&PlayReadyObject::of(&playready).unwrap().header).unwrap();
        assert_eq!(header.scheme, case.scheme, "{}", case.name);
        assert_eq!(header.licence_url, protection.playready.unwrap().licence_url, "{}", case.name);
        assert_eq!(header.keys.iter().map(|key| key.id).collect::<Vec<_>>(), [protection.key.id], "{}", case.name);
        let sum = (case.scheme == Scheme::Cenc).then_some(protection.key.checksum.unwrap());
        assert_eq!(header.keys[0].checksum, sum, "{}", case.name);
    }
}
