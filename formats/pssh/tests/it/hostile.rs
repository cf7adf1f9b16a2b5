//! Damaged boxes end in an error or in something that can be written again; what is written is read back as it was.

use proptest::{prelude::*, sample::Index};
use tessera_pssh::{PlayReadyHeader, PlayReadyKey, PlayReadyObject, Pssh, Scheme, SystemId, WidevineData, limits};

fn key_ids() -> impl Strategy<Value = Vec<[u8; 16]>> {
    prop::collection::vec(any::<[u8; 16]>(), 0..5)
}

fn boxes() -> impl Strategy<Value = Vec<Pssh>> {
    let data = prop::collection::vec(any::<u8>(), 0..60);
    let pssh = (any::<[u8; 16]>(), prop::option::of(key_ids()), data);
    prop::collection::vec(pssh.prop_map(|(id, key_ids, data)| Pssh { system: SystemId(id), key_ids, data }), 0..4)
}

fn widevine() -> impl Strategy<Value = WidevineData> {
    let texts = (prop::option::of(".{0,20}"), prop::option::of(".{0,20}"));
    let rest =
        (prop::option::of(any::<u64>()), prop::collection::vec(any::<u8>(), 0..40), prop::option::of(any::<u32>()));
    (key_ids(), texts, rest).prop_map(|(key_ids, (provider, policy), (algorithm, content_id, protection_scheme))| {
        WidevineData { algorithm, key_ids, provider, content_id, policy, protection_scheme }
    })
}

fn header() -> impl Strategy<Value = PlayReadyHeader> {
    let scheme = prop_oneof![Just(Scheme::Cenc), Just(Scheme::Cbcs)];
    let key = (any::<[u8; 16]>(), prop::option::of(any::<[u8; 8]>()));
    let keys = prop::collection::vec(key, 1..4);
    (scheme, keys, prop::option::of("[ -~é]{0,40}")).prop_map(|(scheme, keys, licence_url)| {
        let checksums = scheme == Scheme::Cenc;
        let key = |(id, checksum): ([u8; 16], Option<_>)| PlayReadyKey { id, checksum: checksum.filter(|_| checksums) };
        PlayReadyHeader { scheme, keys: keys.into_iter().map(key).collect(), licence_url }
    })
}

/// Everything that a reader of unknown boxes does.
fn read(bytes: &[u8]) {
    for pssh in Pssh::read_all(bytes).unwrap_or_default() {
        assert_eq!(Pssh::read(&pssh.write().unwrap()).unwrap(), pssh);
        let data = WidevineData::read(&pssh.data);
        data.into_iter().for_each(|data| assert_eq!(WidevineData::read(&data.write()).unwrap(), data));
        let header = PlayReadyObject::read(&pssh.data).and_then(|object| PlayReadyHeader::read(&object.header));
        header.into_iter().for_each(|header| drop(header.write()));
    }
}

proptest! {
    #[test]
    fn boxes_come_back_as_they_were(boxes in boxes()) {
        let bytes: Vec<u8> = boxes.iter().flat_map(|pssh| pssh.write().unwrap()).collect();
        prop_assert_eq!(Pssh::read_all(&bytes).unwrap(), boxes);
    }

    #[test]
    fn widevine_data_comes_back_as_it_was(data in widevine()) {
        prop_assert_eq!(WidevineData::read(&data.write()).unwrap(), data);
    }

    #[test]
    fn playready_headers_come_back_as_they_were(header in header()) {
        let object = PlayReadyObject::new(&header).unwrap();
        let read = PlayReadyObject::read(&object.write().unwrap()).unwrap();
        prop_assert_eq!(PlayReadyHeader::read(&read.header).unwrap(), header);
    }

    #[test]
    fn damaged_boxes_are_refused_or_usable(
        header in header(), data in widevine(), at: Index, value: u8, cut: Option<Index>, repeat: Option<Index>,
    ) {
        let object = PlayReadyObject::new(&header).unwrap().write().unwrap();
        let boxes = [(SystemId::PLAYREADY, object), (SystemId::WIDEVINE, data.write())];
        let written = boxes.map(|(system, data)| Pssh { system, key_ids: None, data }.write().unwrap());
        let mut bytes = written.concat();
        let place = at.index(bytes.len());
        bytes[place] = value;
        read(&bytes);
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Some(repeat) = repeat.filter(|_| !bytes.is_empty()) {
            let from = repeat.index(bytes.len());
            bytes.extend_from_within(from..);
        }
        read(&bytes);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,100}") {
        read(&bytes);
        let _ = WidevineData::read(&bytes);
        let _ = PlayReadyObject::read(&bytes);
        let _ = PlayReadyHeader::read(&text);
        let _ = PlayReadyHeader::read(&format!("<WRMHEADER><KID>{text}</KID><LA_URL a={text}>{text}</LA_URL></WRMHEADER>"));
    }
}

#[test]
fn counts_are_checked_before_memory_is_taken() {
    let mut bytes = Pssh::common(&[]).write().unwrap();
    bytes[28..32].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(Pssh::read(&bytes).is_err(), "four thousand million key ids");
    let many = Pssh::common(&[]).write().unwrap().repeat(limits::MAX_BOXES + 1);
    assert!(Pssh::read_all(&many).is_err(), "too many boxes");
    let keys = b"\x12\x10................".repeat(limits::MAX_KEY_IDS + 1);
    assert!(WidevineData::read(&keys).is_err(), "too many key ids");
    let long = PlayReadyObject { header: "x".repeat(limits::MAX_PLAYREADY_OBJECT) };
    assert!(long.write().is_err(), "a long PlayReady Object");
}
