//! Taking descriptions off again: the inverse of [`describe`](crate::describe).
//!
//! What `describe` would add is found by the descriptions themselves and proved by describing the rest
//! again, byte for byte ([`block`]). Whatever else describes kinds, such as what other encoders wrote, goes
//! if nothing but descriptions needs it ([`reach`]).

mod block;
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use crate::btf::{Btf, Parse, Removal, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::{Kind, KindSpec};
use crate::origin::Origin;

/// What to take off, and how to read what is left.
#[derive(Debug, Clone, Default)]
pub struct Strip {
    /// The header's layout section too: whether the encoder wrote it can't be told.
    pub layout: bool,
    /// Take descriptions off even if no one can read the records of their kinds any more.
    pub force: bool,
    /// The kinds that the reader of the result knows.
    pub parse: Parse,
}

/// What [`strip`] did.
#[derive(Debug, Clone, Default)]
pub struct Stripped {
    /// The kinds of which a description was taken off, by number.
    pub kinds: Vec<Kind>,
    /// How many types of these were taken off because describing the rest again gives the same bytes.
    pub proved: u32,
    /// How many others were, since nothing but descriptions needs them.
    pub reached: u32,
    /// Whether an origin record was taken off.
    pub origin: bool,
    /// Whether the layout section was, and whether it was as the encoder would write it.
    pub layout: Option<bool>,
    /// Typedefs that describe a kind and stay, since something else refers to them, or since they are
    /// not as a description is.
    pub kept: Vec<TypeId>,
    /// Types that only descriptions used, and that stay: an ordinary program may have had them (`__u32`).
    pub left: Vec<TypeId>,
    /// The kinds whose records nothing describes any more: see [`Strip::force`].
    pub unreadable: Vec<Kind>,
    /// By how many bytes the blob has become smaller.
    pub bytes: usize,
    /// How type ids and string offsets moved.
    pub removal: Removal,
}

impl Stripped {
    /// Whether there was nothing to take off.
    pub fn is_nothing(&self) -> bool {
        self.removal.is_empty() && self.layout.is_none()
    }
}

/// Takes the descriptions of kinds off `btf`, and the origin record that [`describe`](crate::describe) added.
///
/// What it added goes whole: so much that describing the rest gives the same bytes again. Of other
/// descriptions go the typedefs `__BTF_KIND_n` and `__BTF_SIZES_n_i_e`, what has a name that descriptions
/// have, and what they are made of that has no name, unless anything else refers to it.
///
/// # Errors
/// If the blob was renumbered for a base; if the result can't be read again, for lack of the descriptions
/// (and [`Strip::force`] is not set); if ids would have to move in records of a kind whose word classes are
/// not known. The blob is as it was then.
///
/// ```
/// use btfkinds::{Btf, Describe, Encoding, Strip, describe, strip};
///
/// let mut btf = Btf::new();
/// btf.add_int("short", 2, Encoding::Signed)?;
/// let before = btf.to_bytes();
/// describe(&mut btf, &Describe { origin: true, ..Describe::default() })?;
/// let done = strip(&mut btf, &Strip::default())?;
/// assert_eq!((done.kinds.len(), done.proved, done.origin), (19, 68, true));
/// assert_eq!(btf.to_bytes(), before);
/// # Ok::<(), btfkinds::Error>(())
/// ```
pub fn strip(btf: &mut Btf, how: &Strip) -> Result<Stripped> {
    let (new, done) = stripped(btf, how, &Used::default())?;
    *btf = new;
    Ok(done)
}

/// What else than the blob's own types refers to its types and strings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used {
    pub(crate) ids: BTreeSet<u32>,
    pub(crate) strings: BTreeSet<u32>,
}

/// A blob, and what is asked for.
struct Blob<'a> {
    btf: &'a Btf,
    used: &'a Used,
    /// Where the types and strings end, an origin record not counted.
    types_end: u32,
    strings_end: u32,
    /// Whether the origin record and the layout section are to go.
    origin: bool,
    layout: bool,
}

impl<'a> Blob<'a> {
    fn new(btf: &'a Btf, how: &Strip, used: &'a Used) -> Result<Blob<'a>> {
        let origin = btf.origin();
        if let Some(origin) =
            origin.filter(|origin| origin.was_standalone() && origin.base_types != 0)
        {
            return Err(renumbered(origin));
        }
        let (types, names) = match origin {
            Some(_) => (1, u32::try_from(Origin::NAMES.len()).unwrap_or(u32::MAX)),
            None => (0, 0),
        };
        Ok(Blob {
            btf,
            used,
            types_end: btf.type_count().saturating_sub(types),
            strings_end: btf.str_end().saturating_sub(names),
            // Any other was written by `rebase`.
            origin: origin.is_some_and(|origin| origin.standalone == Origin::ENCODED),
            layout: how.layout && !btf.layout().bytes.is_empty(),
        })
    }
}

/// The error for BTF that can have its standalone form back.
pub(crate) fn renumbered(origin: Origin) -> Error {
    let what = format!("this was renumbered for a base of {origin}");
    let help = "strip its standalone form ('btfkinds renumber --undo'), then renumber that again";
    Error::new(ErrorKind::Edit, what).with_help(help)
}

/// The blob without descriptions, but for what is used from elsewhere.
pub(crate) fn stripped(btf: &Btf, how: &Strip, used: &Used) -> Result<(Btf, Stripped)> {
    let blob = Blob::new(btf, how, used)?;
    let mut done = Stripped::default();
    // The strings of the block go as one, the others one by one.
    let block = block::find(&blob);
    let (mut ids, mut strings) = (Vec::new(), Vec::new());
    if let Some(block) = &block {
        done.proved = block.ids.end.saturating_sub(block.ids.start);
        ids.extend(block.ids.clone());
        strings.push(block.strings.clone());
    }
    let reached = reach::find(&blob, block.as_ref())?;
    done.reached = u32::try_from(reached.ids.len()).unwrap_or(u32::MAX);
    (done.kept, done.left) = (reached.kept, reached.left);
    ids.extend(reached.ids);
    strings.extend(reached.strings);
    if blob.origin {
        done.origin = true;
        ids.push(blob.types_end);
        strings.push(blob.strings_end..btf.str_end());
    }
    ids.sort_unstable();
    strings.retain(|range| !range.is_empty());
    strings.sort_unstable_by_key(|range| range.start);
    let removal = Removal::new(ids, strings);
    let described = btf.descriptions().into_iter().filter(|(_, id)| removal.id(id.0).is_none());
    let described: BTreeMap<Kind, KindSpec> =
        described.map(|(spec, _)| (spec.kind, spec)).collect();
    done.kinds = described.keys().copied().collect();
    done.layout = blob.layout.then(|| block::layout_is_ours(btf));
    if removal.is_empty() && done.layout.is_none() {
        return Ok((btf.clone(), done));
    }
    let mut new = btf.without(&removal)?;
    if done.layout.is_some() {
        new = new.without_layout()?;
    }
    done.bytes = btf.byte_len().saturating_sub(new.byte_len());
    done.removal = removal;
    let mut parse = match btf.base() {
        Some(base) => how.parse.clone().base(base.clone()),
        None => how.parse.clone().standalone(),
    };
    // What is left is to be as good for the next reader.
    let bytes = new.to_bytes();
    let new = loop {
        let err = match parse.read(&bytes) {
            Ok(read) => break read,
            Err(err) => err,
        };
        let ErrorKind::UnknownKind(kind) = err.kind() else { return Err(err) };
        match described.get(&kind) {
            Some(spec) if how.force && !done.unreadable.contains(&kind) => {
                done.unreadable.push(kind);
                parse = parse.kind(spec.clone());
            }
            Some(spec) => return Err(unreadable(spec)),
            None => return Err(err),
        }
    };
    Ok((new, done))
}

/// The error for a result that needs its descriptions to be read.
fn unreadable(spec: &KindSpec) -> Error {
    let what = format!(
        "there are records of kind {} ({}): without its description nothing says what they are",
        spec.kind, spec.name
    );
    Error::new(ErrorKind::Edit, what)
        .with_help("give the kind's words with --kind-file, as readers of the result must; --force takes the description off without")
}
