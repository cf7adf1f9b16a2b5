//! Adaptation sets and representations (ISO/IEC 23009-1 §5.3.3, §5.3.5).

use crate::{
    Accessibility, ContentProtection, Error, Media, Role, Segments, TrickMode,
    xml::{Tag, Xml},
};

/// Interchangeable representations, between which a player switches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdaptationSet {
    /// BCP 47 language tag.
    pub language: Option<String>,
    /// Its name, for viewers who choose.
    pub label: Option<String>,
    /// What part it plays; a player that chooses for itself takes the first with [`Role::Main`].
    pub roles: Vec<Role>,
    /// Whom it helps.
    pub accessibility: Vec<Accessibility>,
    /// What it is a trick mode of.
    pub trick_mode: Option<TrickMode>,
    /// Protection of all representations.
    pub protection: Option<ContentProtection>,
    /// Whether a file of segments of several representations, one after the other, can be decoded with the init segment
    /// of one.
    pub bitstream_switching: bool,
    /// Whether files with an index ([`Segments::Base`]) have their subsegments at the same times. Of segments, the
    /// timelines tell.
    pub aligned_subsegments: bool,
    /// All of one kind of media.
    pub representations: Vec<Representation>,
}

/// One encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Representation {
    /// Its id, for `$RepresentationID$`.
    pub id: String,
    /// Peak bits a second.
    pub bandwidth: u64,
    /// Codec string of RFC 6381; none for side-cars and pictures.
    pub codecs: Option<String>,
    /// Kind of media, and its format.
    pub media: Media,
    /// Its segments. Equal templates in a set are written once.
    pub segments: Segments,
}

impl AdaptationSet {
    pub(crate) fn is_video(&self) -> bool {
        self.representations.first().is_some_and(|representation| representation.media.is_video())
    }

    pub(crate) fn write(&self, xml: &mut Xml, id: usize) -> Result<(), Error> {
        let first = self.representations.first().ok_or(Error::Empty("representation"))?;
        self.check_alike(first)?;
        let shared = self.representations.iter().all(|other| other.segments.is_shared(&first.segments));
        xml.element(self.tag(first, id)?, |xml| {
            self.descriptors(xml, first)?;
            if shared {
                first.segments.write(xml)?;
            }
            self.representations.iter().try_for_each(|representation| representation.write(xml, !shared))
        })
    }

    fn check_alike(&self, first: &Representation) -> Result<(), Error> {
        let all =
            |is: fn(&Representation, &Representation) -> bool| self.representations.iter().all(|one| is(one, first));
        if !all(|one, first| one.media.types() == first.media.types()) {
            return Err(Error::Mixed("kind of media"));
        }
        match all(|one, first| one.media.colour() == first.media.colour()) {
            true => Ok(()),
            false => Err(Error::Mixed("colours")),
        }
    }

    fn tag(&self, first: &Representation, id: usize) -> Result<Tag, Error> {
        let (content_type, mime_type) = first.media.types();
        let tag = Tag::new("AdaptationSet").plain("id", id);
        let mut tag = tag.plain("contentType", content_type).plain("mimeType", mime_type);
        if let Some(language) = &self.language {
            tag = tag.text("lang", language)?;
        }
        tag = self.switching(tag, first);
        if let Some(trick_mode) = self.trick_mode {
            tag = tag.plain("maxPlayoutRate", trick_mode.max_playout_rate);
            tag = tag.plain("codingDependency", trick_mode.coding_dependency);
        }
        Ok(tag)
    }

    /// What a player may rely on when it changes representations; what is not so is not written.
    fn switching(&self, tag: Tag, first: &Representation) -> Tag {
        let others = &self.representations[1..];
        let mut alignments = others.iter().map(|other| first.segments.is_aligned(&other.segments));
        let is_aligned = alignments.all(|aligned| aligned.unwrap_or(self.aligned_subsegments));
        let (alignment, access_point) = match first.segments {
            Segments::Base(_) => ("subsegmentAlignment", "subsegmentStartsWithSAP"),
            Segments::Template(_) | Segments::File { .. } | Segments::Numbered { .. } => {
                ("segmentAlignment", "startWithSAP")
            }
        };
        if !first.media.is_mp4() {
            return tag;
        }
        let tag = tag.optional(alignment, is_aligned.then_some("true")).plain(access_point, 1);
        tag.optional("bitstreamSwitching", self.bitstream_switching.then_some("true"))
    }

    /// Elements in the schema's order.
    fn descriptors(&self, xml: &mut Xml, first: &Representation) -> Result<(), Error> {
        if let Some(protection) = &self.protection {
            protection.write(xml)?;
        }
        for essential in [true, false] {
            let trick_mode = self.trick_mode.filter(|trick_mode| trick_mode.essential == essential);
            trick_mode.iter().for_each(|trick_mode| trick_mode.write(xml));
            first.media.colour().iter().for_each(|colour| colour.write(xml, essential));
        }
        if let Some(label) = &self.label {
            xml.leaf(Tag::new("Label"), label)?;
        }
        self.accessibility.iter().for_each(|accessibility| accessibility.write(xml));
        self.roles.iter().for_each(|role| role.write(xml));
        Ok(())
    }
}

impl Representation {
    fn write(&self, xml: &mut Xml, own_segments: bool) -> Result<(), Error> {
        if self.id.is_empty() || self.id.contains(char::is_whitespace) {
            return Err(Error::NotId(self.id.clone()));
        }
        let mut tag = Tag::new("Representation").text("id", &self.id)?.plain("bandwidth", self.bandwidth);
        if let Some(codecs) = &self.codecs {
            tag = tag.text("codecs", codecs)?;
        }
        xml.element(self.media.attributes(tag)?, |xml| {
            self.media.descriptors(xml, self.codecs.as_deref())?;
            if own_segments { self.segments.write(xml) } else { Ok(()) }
        })
    }
}
