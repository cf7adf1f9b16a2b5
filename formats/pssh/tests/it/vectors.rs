//! Stored vectors, and what the standards show.

use tessera_pssh::{
    ContentKey, FairPlay, PlayReadyHeader, PlayReadyKey, PlayReadyObject, Protection, Pssh, Scheme, SystemId, Widevine,
    WidevineData,
};
use tessera_test_media::shared;

#[test]
fn a_widevine_box_of_another_packager_is_read_and_written_alike() {
    let Some(path) = shared("vectors/mp4/pssh.bin") else { return };
    let bytes = std::fs::read(path).unwrap();
    let pssh = Pssh::read(&bytes).unwrap();
    assert_eq!((pssh.system, &pssh.key_ids), (SystemId::WIDEVINE, &None));
    let data = WidevineData::of(&pssh).unwrap();
    assert_eq!(data.key_ids, [0x312e3362_3410_469a_b536_b9c9d0cafc31_u128.to_be_bytes(); 2]);
    assert_eq!(data.scheme(), Some(Scheme::Cenc));
    assert_eq!(Pssh { data: data.write(), ..pssh.clone() }.write().unwrap(), bytes);
    assert!(PlayReadyObject::of(&pssh).is_err(), "the box of another system");
}

#[test]
fn the_common_box_has_key_ids_and_no_data() {
    let bytes = Pssh::common(&[[7; 16], [9; 16]]).write().unwrap();
    assert_eq!(bytes.len(), 8 + 4 + 16 + 4 + 32 + 4);
    assert_eq!(bytes[..12], *b"\0\0\0\x44pssh\x01\0\0\0", "version 1");
    assert_eq!(bytes[12..28], 0x1077efec_c0b2_4d02_ace3_3c1e52e2fb4b_u128.to_be_bytes(), "W3C common system");
    assert_eq!(bytes[28..32], [0, 0, 0, 2]);
    assert_eq!(bytes[48..64], [9; 16]);
    assert_eq!(bytes[64..], [0; 4]);
}

#[test]
fn several_keys_make_a_header_of_version_4_2() {
    let key = |byte| PlayReadyKey { id: [byte; 16], checksum: Some([byte; 8]) };
    let header = PlayReadyHeader { scheme: Scheme::Cenc, keys: vec![key(0), key(4)], licence_url: None };
    let document = header.write().unwrap();
    assert_eq!(
        document,
        "<WRMHEADER xmlns=\"http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader\" version=\"4.2.0.0\"><DATA>\
         <PROTECTINFO><KIDS><KID ALGID=\"AESCTR\" CHECKSUM=\"AAAAAAAAAAA=\" VALUE=\"AAAAAAAAAAAAAAAAAAAAAA==\"></KID>\
         <KID ALGID=\"AESCTR\" CHECKSUM=\"BAQEBAQEBAQ=\" VALUE=\"BAQEBAQEBAQEBAQEBAQEBA==\"></KID></KIDS></PROTECTINFO>\
         </DATA></WRMHEADER>"
    );
    assert_eq!(PlayReadyHeader::read(&document).unwrap(), header);
}

#[test]
fn widevine_is_told_provider_and_content_and_fairplay_gets_a_box_when_asked() {
    let protection = Protection {
        scheme: Scheme::Cbcs,
        key: ContentKey { id: [1; 16], checksum: None },
        key_ids: Vec::new(),
        common: false,
        widevine: Some(Widevine { provider: Some("studio".to_owned()), content_id: b"film".to_vec() }),
        playready: None,
        fairplay: Some(FairPlay { uri: "skd://film".to_owned(), write_box: true }),
    };
    let [fairplay, widevine] = <[Pssh; 2]>::try_from(protection.boxes().unwrap()).unwrap();
    assert_eq!((fairplay.system, fairplay.key_ids), (SystemId::FAIRPLAY, Some(vec![[1; 16]])));
    let expected = [b"\x12\x10".as_slice(), &[1; 16], b"\x1a\x06studio\x22\x04film\x48\xf3\xc6\x89\x9b\x06"].concat();
    assert_eq!(widevine.data, expected);
}

#[test]
fn headers_that_name_no_key_or_a_false_one_are_refused() {
    let header = |inner: &str| PlayReadyHeader::read(&format!("<WRMHEADER><DATA>{inner}</DATA></WRMHEADER>"));
    assert!(header("<KID>AAAAAAAAAAAAAAAAAAAAAA==</KID>").is_ok());
    for refused in [
        "",
        "<KID>AAAA</KID>",
        "<KID>????</KID>",
        "<KID VALUE=\"AAAA\"/>",
        "<KID>AAAAAAAAAAAAAAAAAAAAAA==</KID><CHECKSUM>AAAA</CHECKSUM>",
        "<KID>AAAAAAAAAAAAAAAAAAAAAA==</KID><DATA>",
        "<KID>&unknown;</KID>",
    ] {
        assert!(header(refused).is_err(), "{refused}");
    }
    let deep = "<A>".repeat(100_000);
    assert!(PlayReadyHeader::read(&deep).is_err());
}
