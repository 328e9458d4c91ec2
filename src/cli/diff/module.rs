//! Why a module does not fit a kernel: which of the two it was made for, and what changed of all that it
//! uses.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::super::args::Diff as Args;
use super::super::{count, grouped, parse_options};
use super::{Side, is_type, text::names};
use crate::btf::{Btf, TypeId};
use crate::diff::{Class, Diff, Reach, Two, class_of};
use crate::file::File;
use crate::origin::{Numbering, Origin};
use crate::relocate::relocate;

/// A module, seen from two kernels.
pub(super) struct View {
    lines: Vec<String>,
    /// What it says of its numbering, or what its references say.
    numbering: String,
    origin: Option<Origin>,
    /// Whether the new kernel takes it as it is.
    fits_new: bool,
    /// What it uses of the kernel that it was made for; None if it has copies of its own.
    uses: Option<Uses>,
}

/// What a module uses of a kernel.
struct Uses {
    /// Which kernel: 0 the old one, 1 the new one.
    side: usize,
    /// The module, read on it.
    btf: Btf,
    /// Its types that the module's own refer to, over types without a name.
    named: HashSet<TypeId>,
    /// And all that these lead to.
    reach: Reach,
}

impl View {
    /// Looks at a module, and keeps of what was found only what it uses.
    pub(super) fn new(
        path: &Path,
        sides: [&Side<'_>; 2],
        found: &mut Diff<'_>,
        args: &Args,
    ) -> anyhow::Result<View> {
        let in_file = || path.display().to_string();
        let file = File::open(path).with_context(in_file)?;
        let blob = file.bytes().with_context(in_file)?;
        let parse = parse_options(&[], &args.kind_file)?;
        let portable = file.has_own_base();
        let said = match Numbering::of(&blob, &parse) {
            _ if portable => {
                "split on its own .BTF.base: kernels from 6.11 find these types by name and size"
                    .to_owned()
            }
            Ok(numbering) if numbering.is_standalone() => {
                let btf = file.btf(&parse).with_context(in_file)?;
                return Ok(View::standalone(path, &btf, &numbering, found));
            }
            Ok(numbering) => numbering.to_string(),
            // It cannot be read without its base.
            Err(_) => "split".to_owned(),
        };
        let mut view = View {
            lines: vec![format!("{}: {said}", path.display())],
            numbering: said,
            origin: Origin::find(&blob),
            fits_new: false,
            uses: None,
        };
        for (number, (side, word)) in sides.into_iter().zip(["old", "new"]).enumerate() {
            let types = grouped(side.btf.types().count());
            let head = format!("  the {word} kernel ({types} types): ");
            match read_on(&file, &side.btf, &parse) {
                Ok(btf) => {
                    let named = view.origin.is_some_and(|origin| origin.names(&side.btf));
                    let what = match (portable, named) {
                        (true, _) => "it has what the module needs",
                        (false, true) => "the module was made for it",
                        (false, false) => "nothing speaks against it",
                    };
                    view.lines.push(format!("{head}{what}"));
                    view.fits_new = number == 1;
                    if view.uses.is_none() {
                        view.uses = Some(Uses::new(number, btf));
                    }
                }
                Err(err) => view.lines.push(format!("{head}the module does not fit: {err:#}")),
            }
        }
        if view.uses.is_none() {
            bail!("{}", view.lines.join("\n"));
        }
        if !view.fits_new && !portable {
            view.lines.push(format!(
                "  type ids and string offsets are another kernel's: 'btfkinds rebase --from {} -B {}' gives it the new ones",
                args.old.display(),
                args.new.display()
            ));
        }
        view.restrict(found);
        Ok(view)
    }

    /// Keeps what the module uses, and says how much that is.
    fn restrict(&mut self, found: &mut Diff<'_>) {
        let Some(uses) = &self.uses else { return };
        found.retain(|_, old, new| {
            let id = if uses.side == 0 { old } else { new };
            id.is_some_and(|id| uses.reach.contains(id))
        });
        let named = found.changed().iter().filter(|two| uses.names(two)).count();
        let (alone, word) = match uses.side {
            0 => (found.removed().len(), "gone"),
            _ => (found.added().len(), "new"),
        };
        self.lines.push(format!(
            "  the module names {} of the kernel's and leads to {}: {} changed, {} of them among those that it names; {} {word}",
            count(uses.named.len(), "type"),
            grouped(uses.count()),
            grouped(found.changed().len()),
            grouped(named),
            grouped(alone),
        ));
    }

    /// A module with copies of the kernel's types: these are found by name.
    fn standalone(path: &Path, btf: &Btf, numbering: &Numbering, found: &mut Diff<'_>) -> View {
        let own: HashSet<_> = btf.types().filter_map(|ty| key(btf, ty.id())).collect();
        let (old, new) = (found.old_btf(), found.new_btf());
        let has = |btf: &Btf, id: Option<TypeId>| {
            id.and_then(|id| key(btf, id)).is_some_and(|key| own.contains(&key))
        };
        found.retain(|class, a, b| is_type(class) && (has(old, a) || has(new, b)));
        let name = path.display();
        let lines = vec![
            format!("{name}: {numbering}"),
            format!(
                "  it has copies of its own of the kernel's types: 'btfkinds diff {name} KERNEL' says whether they are the same"
            ),
            format!(
                "  of {} that it has, {} changed from the old kernel to the new one",
                count(own.len(), "named type"),
                grouped(found.changed().len())
            ),
        ];
        View {
            lines,
            numbering: numbering.to_string(),
            origin: btf.origin(),
            fits_new: true,
            uses: None,
        }
    }

    /// What is to be said before all else.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether the new kernel takes the module as it is.
    pub(super) fn fits(&self) -> bool {
        self.fits_new
    }

    /// Whether the module names a type by itself.
    pub(super) fn names(&self, two: &Two) -> bool {
        self.uses.as_ref().is_none_or(|uses| uses.names(two))
    }

    /// How the module leads to a type of the kernel, by the names on the way.
    pub(super) fn way(&self, two: &Two) -> Vec<String> {
        let way = |uses: &Uses| names(&uses.btf, &uses.reach.way(uses.id(two)));
        self.uses.as_ref().map_or(Vec::new(), way)
    }

    pub(super) fn json(&self) -> Value {
        let uses = self.uses.as_ref();
        json!({
            "numbering": self.numbering,
            "read_on": uses.map(|uses| if uses.side == 0 { "old" } else { "new" }),
            "base_types": self.origin.map(|origin| origin.base_types),
            "fits_new": self.fits_new,
            "names": uses.map(|uses| uses.named.len()),
            "leads_to": uses.map(Uses::count),
        })
    }
}

/// Reads a module on a kernel, if nothing speaks against that.
fn read_on(file: &File, kernel: &Btf, parse: &crate::Parse) -> anyhow::Result<Btf> {
    let base = Arc::new(kernel.clone());
    if file.has_own_base() {
        return Ok(relocate(&file.btf(parse)?, &base)?);
    }
    let btf = file.btf(&parse.clone().base(base))?;
    btf.check_base()?;
    Ok(btf)
}

fn key(btf: &Btf, id: TypeId) -> Option<(Class, Vec<u8>)> {
    let (class, name) = class_of(&btf.get(id)?)?;
    Some((class, name.to_vec()))
}

impl Uses {
    fn new(side: usize, btf: Btf) -> Uses {
        let first_own = btf.first_id().0;
        let (mut named, mut seen) = (HashSet::new(), HashSet::new());
        let mut open = Vec::new();
        for ty in btf.types() {
            ty.for_each_ref(|_, id, is_str| {
                if !is_str && id < first_own {
                    open.push(id);
                }
            });
        }
        while let Some(id) = open.pop() {
            let Some(ty) = btf.get(TypeId(id)).filter(|_| seen.insert(id)) else { continue };
            if class_of(&ty).is_some() {
                named.insert(TypeId(id));
                continue;
            }
            ty.for_each_ref(|_, id, is_str| {
                if !is_str {
                    open.push(id);
                }
            });
        }
        let reach = Reach::from(&btf, btf.types().map(|ty| ty.id()));
        Uses { side, btf, named, reach }
    }

    fn id(&self, two: &Two) -> TypeId {
        if self.side == 0 { two.old } else { two.new }
    }

    fn names(&self, two: &Two) -> bool {
        self.named.contains(&self.id(two))
    }

    /// How many types of the kernel with a name it leads to.
    fn count(&self) -> usize {
        let of_base = (1..self.btf.first_id().0).map(TypeId).filter(|id| self.reach.contains(*id));
        of_base.filter(|id| self.btf.get(*id).is_some_and(|ty| class_of(&ty).is_some())).count()
    }
}
