//! Debian's kernels, against what bpftool prints of them.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;

use super::common::kernels::script;
use super::common::{Folder, btfkinds, ok, run};

/// An update within each series, as `tests/debian-kernel` names the kernels.
const SERIES: [[&str; 2]; 2] = [["6.1-oldest", "6.1"], ["6.12-older", "6.12"]];

/// A kernel before and after an update, and what is said of it.
struct Update {
    folders: [PathBuf; 2],
    vmlinux: [String; 2],
    bpftool: [Types; 2],
    document: Value,
}

static UPDATES: LazyLock<[Update; 2]> = LazyLock::new(|| {
    SERIES.map(|pair| {
        let folders = pair.map(|series| PathBuf::from(script("debian-kernel", &[series])));
        let vmlinux =
            folders.each_ref().map(|folder| folder.join("vmlinux").to_str().unwrap().to_owned());
        let document = document(&vmlinux[0], &vmlinux[1]);
        let bpftool = vmlinux.each_ref().map(|path| Types::of(path));
        Update { folders, vmlinux, bpftool, document }
    })
});

/// What the command says of two files.
fn document(old: &str, new: &str) -> Value {
    let out = btfkinds(["diff", "-f", "json", old, new]);
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

type Name = (String, String);

/// What bpftool prints of a file.
struct Types(Vec<Value>);

fn text<'a>(ty: &'a Value, key: &str) -> &'a str {
    ty[key].as_str().unwrap()
}

impl Types {
    fn of(path: &str) -> Types {
        let mut document: Value =
            serde_json::from_slice(&run("bpftool", &["-j", "btf", "dump", "file", path])).unwrap();
        let Value::Array(types) = document["types"].take() else { panic!() };
        assert!(types.iter().zip(1_u64..).all(|(ty, id)| ty["id"] == id));
        Types(types)
    }

    fn get(&self, id: u64) -> Option<&Value> {
        self.0.get(usize::try_from(id).unwrap().checked_sub(1)?)
    }

    /// The shapes of all named types, by class and name.
    fn shapes(&self) -> HashMap<Name, Vec<u64>> {
        let mut referenced = HashSet::new();
        let mut tags: HashMap<u64, Vec<String>> = HashMap::new();
        for ty in &self.0 {
            if ty["kind"] == "DECL_TAG" {
                let tag = format!("{} {}", ty["name"], ty["component_idx"]);
                tags.entry(ty["type_id"].as_u64().unwrap()).or_default().push(tag);
                continue;
            }
            for key in ["type_id", "ret_type_id", "index_type_id"] {
                referenced.extend(ty[key].as_u64());
            }
            for list in ["members", "params", "vars"] {
                let parts = ty[list].as_array().into_iter().flatten();
                referenced.extend(parts.filter_map(|part| part["type_id"].as_u64()));
            }
        }
        tags.values_mut().for_each(|tags| tags.sort());
        let name = |ty: &Value| {
            let class = match text(ty, "kind") {
                "ENUM" | "ENUM64" if ty["name"] == "(anon)" => {
                    let first = ty["values"].get(0)?;
                    let alone = !referenced.contains(&ty["id"].as_u64().unwrap());
                    return alone.then(|| ("constants".to_owned(), text(first, "name").to_owned()));
                }
                _ if ty["name"] == "(anon)" => return None,
                "FWD" => text(ty, "fwd_kind").to_owned(),
                "ENUM64" => "enum".to_owned(),
                kind @ ("STRUCT" | "UNION" | "ENUM" | "TYPEDEF" | "FUNC" | "VAR" | "DATASEC"
                | "INT" | "FLOAT") => kind.to_lowercase(),
                _ => return None,
            };
            Some((class, text(ty, "name").to_owned()))
        };
        // Types without a name are spelled out. They never lead in circles.
        let mut known: HashMap<u64, u64> = HashMap::new();
        let mut found: HashMap<Name, Vec<u64>> = HashMap::new();
        for ty in &self.0 {
            if let Some(name_of) = name(ty) {
                let shape = self.shape(ty, &name, &tags, &mut known);
                found.entry(name_of).or_default().push(shape);
            }
        }
        found
    }

    fn shape(
        &self,
        ty: &Value,
        name: &dyn Fn(&Value) -> Option<Name>,
        tags: &HashMap<u64, Vec<String>>,
        known: &mut HashMap<u64, u64>,
    ) -> u64 {
        let mut hash = DefaultHasher::new();
        let mut leads_to = |id: u64, hash: &mut DefaultHasher| match self.get(id) {
            None => "void".hash(hash),
            Some(other) => match name(other) {
                Some(name) => name.hash(hash),
                None => {
                    if !known.contains_key(&id) {
                        let shape = self.shape(other, name, tags, known);
                        known.insert(id, shape);
                    }
                    known[&id].hash(hash);
                }
            },
        };
        for (key, value) in ty.as_object().unwrap() {
            key.hash(&mut hash);
            match value {
                _ if key == "id" => {}
                Value::Array(parts) => {
                    for (key, value) in parts.iter().flat_map(|part| part.as_object().unwrap()) {
                        match key.as_str() {
                            "type_id" => leads_to(value.as_u64().unwrap(), &mut hash),
                            key => (key, value.to_string()).hash(&mut hash),
                        }
                    }
                    parts.len().hash(&mut hash);
                }
                value if key.ends_with("type_id") => leads_to(value.as_u64().unwrap(), &mut hash),
                value => value.to_string().hash(&mut hash),
            }
        }
        tags.get(&ty["id"].as_u64().unwrap()).hash(&mut hash);
        hash.finish()
    }

    /// Offset and size in bits of a member of a struct, those without a name left out.
    fn member(&self, of: &str, member: &str) -> Option<u64> {
        let is = |ty: &&Value| ty["kind"] == "STRUCT" && ty["name"] == of;
        let mut open: Vec<(&Value, u64)> = self.0.iter().filter(is).map(|ty| (ty, 0)).collect();
        while let Some((ty, start)) = open.pop() {
            for part in ty["members"].as_array().unwrap() {
                let at = start + part["bits_offset"].as_u64().unwrap();
                if part["name"] == member {
                    return Some(at);
                }
                if part["name"] == "(anon)" {
                    open.push((self.get(part["type_id"].as_u64().unwrap())?, at));
                }
            }
        }
        None
    }

    fn size(&self, of: &str) -> Option<u64> {
        let is = |ty: &&Value| ty["kind"] == "STRUCT" && ty["name"] == of;
        self.0.iter().find(is)?["size"].as_u64()
    }
}

/// Names and how often each is there.
fn counted(list: &Value) -> BTreeMap<Name, usize> {
    let mut found = BTreeMap::new();
    for ty in list.as_array().unwrap() {
        *found.entry((text(ty, "class").to_owned(), text(ty, "name").to_owned())).or_default() += 1;
    }
    found
}

/// Every added, removed and changed type, as counted in what bpftool prints.
pub(super) fn counts() {
    for update in UPDATES.iter() {
        let is = &update.document;
        let [was_shapes, is_shapes] = update.bpftool.each_ref().map(Types::shapes);
        let mut should: [BTreeMap<Name, usize>; 3] = Default::default();
        let names: HashSet<&Name> = was_shapes.keys().chain(is_shapes.keys()).collect();
        for name in names {
            let none = Vec::new();
            let was = was_shapes.get(name).unwrap_or(&none);
            let mut is = is_shapes.get(name).unwrap_or(&none).clone();
            let both = was.len().min(is.len());
            let (gone, new) = (was.len() - both, is.len() - both);
            let is_same = |shape: &&u64| {
                let at = is.iter().position(|other| other == *shape);
                at.map(|at| is.swap_remove(at)).is_some()
            };
            let same = was.iter().filter(is_same).count();
            for (list, count) in should.iter_mut().zip([new, gone, both - same.min(both)]) {
                if count != 0 {
                    list.insert(name.clone(), count);
                }
            }
        }
        for (list, should) in ["added", "removed", "changed"].iter().zip(&should) {
            assert_eq!(&counted(&is[list]), should, "{list}");
        }
        assert!(should[2].len() > 10 && should[0].len() > 10, "{should:?}");
    }
}

/// Members that security updates of Debian's kernels brought or took away.
const KNOWN: [[(&str, &str, bool); 12]; 2] = [
    [
        ("Qdisc", "owner", true),
        ("aa_task_ctx", "label_replacement_pending", true),
        ("bdi_writeback", "switch_wbs_ctxs", true),
        ("bpf_func_proto", "might_sleep", true),
        ("bpf_link_ops", "dealloc_deferred", true),
        ("bpf_prog_aux", "ext_mutex", true),
        ("bpf_tcp_iter_state", "st_bucket_done", false),
        ("net_device", "watchdog_lock", true),
        ("nf_hook_ops", "rcu", true),
        ("sock", "mptcp_retransmit_timer", true),
        ("blkg_policy_data", "callback_head", true),
        ("dst_entry", "dev_rcu", true),
    ],
    [
        ("acpi_data_attr", "filename", true),
        ("bus_type", "need_parent_lock", false),
        ("device_type", "need_parent_lock", true),
        ("fanotify_info", "name_len", true),
        ("ifa6_config", "ifpub", true),
        ("ifa6_config", "cstamp", true),
        ("ifa6_config", "tstamp", true),
        ("io_sq_data", "free_refs", true),
        ("io_sq_data", "exited", false),
        ("irqaction", "thread_dtor", true),
        ("policy_dbs_info", "max_sample_load", true),
        ("skb_gso_cb", "recursion_counter", true),
    ],
];

/// The versions that these changes came with; with others, some may be there already.
const KNOWN_VERSIONS: [[&str; 2]; 2] =
    [["6.1.170-3", "6.1.192-2"], ["6.12.115-2~deb12u1", "6.12.117-1~deb12u1"]];

pub(super) fn known_changes() {
    for ((update, known), versions) in UPDATES.iter().zip(KNOWN).zip(KNOWN_VERSIONS) {
        let Update { folders, vmlinux: paths, bpftool: [was, is], document } = update;
        let is_known = folders
            .iter()
            .zip(versions)
            .all(|(folder, version)| folder.to_str().unwrap().ends_with(version));
        let changed = document["changed"].as_array().unwrap();
        let mut checked = 0;
        for (of, member, added) in known {
            let places = (was.member(of, member), is.member(of, member));
            if places.0 == places.1 {
                assert!(!is_known, "{of}.{member}");
                continue;
            }
            let ty = changed.iter().find(|ty| ty["class"] == "struct" && ty["name"] == of);
            let ty = ty.unwrap_or_else(|| panic!("{of} has not changed"));
            let parts = ty["parts"].as_array().unwrap();
            let part = parts.iter().find(|part| part["name"] == member).unwrap();
            let at = |side: &str| part[side]["bits_offset"].as_u64();
            assert_eq!((at("old"), at("new")), places, "{of}.{member}");
            assert_eq!(part["new"].is_null(), !added, "{of}.{member}");
            assert_eq!(
                (ty["old_size"].as_u64(), ty["new_size"].as_u64()),
                (was.size(of), is.size(of))
            );
            checked += 1;
        }
        assert!(!is_known || checked == known.len());
        // And in the text, on a line of its own with the offset.
        if is_known {
            let (of, member, _) = known[0];
            let text =
                String::from_utf8(btfkinds(["diff", &paths[0], &paths[1], of]).stdout).unwrap();
            let at = is.member(of, member).unwrap() / 8;
            let line = text.lines().find(|line| line.contains(member)).unwrap();
            assert!(
                line.starts_with("    +\t") && line.contains(&format!("/* at {at}, ")),
                "{text}"
            );
        }
    }
}

fn module(kernel: &Path, name: &str) -> String {
    let mut folders = vec![kernel.join("modules")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .file_stem()
                .is_some_and(|stem| Path::new(stem).file_stem().is_some_and(|stem| stem == name))
            {
                return path.to_str().unwrap().to_owned();
            }
        }
    }
    panic!("{kernel:?} has no {name}");
}

/// A module of the kernel before an update, and the same made standalone.
pub(super) fn modules() {
    for Update { folders, vmlinux: [old, new], document, .. } in UPDATES.iter() {
        let ko = module(&folders[0], "nf_tables");
        let out = btfkinds(["diff", old, new, "--module", &ko, "--all"]);
        assert_eq!(out.status.code(), Some(1));
        let text = String::from_utf8(out.stdout).unwrap();
        let lines: Vec<&str> = text.lines().take(5).collect();
        assert!(lines[0].ends_with(": split: its strings do not start with NUL"), "{lines:?}");
        assert!(
            lines[1].starts_with("  the old kernel (")
                && lines[1].ends_with("nothing speaks against it"),
            "{lines:?}"
        );
        assert!(
            lines[2].starts_with("  the new kernel (") && lines[2].contains("does not fit"),
            "{lines:?}"
        );
        assert!(lines[3].contains("btfkinds rebase --from "), "{lines:?}");
        // What it names is shown; what is further away says how far.
        let changed = text.lines().filter(|line| line.starts_with("changed ")).count();
        assert!(lines[4].contains(&format!(": {changed} changed, ")), "{changed} {lines:?}");
        // Each is changed between the kernels, whoever uses it.
        let all: HashSet<&str> =
            document["changed"].as_array().unwrap().iter().map(text_of).collect();
        let out = btfkinds(["diff", old, new, "--module", &ko, "-f", "json"]);
        let of_module: Value = serde_json::from_slice(&out.stdout).unwrap();
        let listed = of_module["changed"].as_array().unwrap();
        assert_eq!(listed.len(), changed);
        for ty in listed {
            assert!(all.contains(text_of(ty)));
            let way = ty["way"].as_array().unwrap();
            assert!(
                way.last().unwrap().as_str().unwrap().ends_with(text_of(ty))
                    || text_of(ty).starts_with("typedef"),
                "{ty}"
            );
        }
        let back = btfkinds(["diff", new, old, "--module", &ko, "--stat"]);
        assert_eq!(back.status.code(), Some(i32::from(changed != 0)));
        // Its own kernel has its types as they are; the other one has not.
        let folder = Folder::new();
        let flat = folder.name("flat.ko");
        ok(["flatten", "-q", "--strip-signature", "-B", old, &ko, "-o", &flat]);
        let same = btfkinds(["diff", &flat, old]);
        let said = String::from_utf8_lossy(&same.stderr);
        assert_eq!(same.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&same.stdout));
        assert!(said.contains(&format!("only in {old}, not shown")), "{said}");
        let other = btfkinds(["diff", "--stat", &flat, new]);
        let lines = String::from_utf8_lossy(&other.stdout);
        let in_new = lines.lines().filter(|line| line.starts_with("changed ")).count();
        assert_eq!(in_new, changed, "{lines}");
    }
}

fn text_of(ty: &Value) -> &str {
    text(ty, "name")
}

/// The running kernel, with itself and with its descriptions.
pub(super) fn running_kernel() {
    let kernel = btfkinds::kernel::VMLINUX;
    let out = btfkinds(["diff", kernel, kernel]);
    assert_eq!((out.status.code(), out.stdout.len()), (Some(0), 0));
    let folder = Folder::new();
    let described = folder.name("described.btf");
    ok(["encode", "-q", "-o", &described]);
    let out = btfkinds(["diff", "--stat", kernel, &described]);
    let text = String::from_utf8_lossy(&out.stdout);
    let odd =
        text.lines().skip(2).find(|line| !line.starts_with("kind ") && !line.starts_with("added "));
    assert_eq!((out.status.code(), odd), (Some(1), None), "{text}");
}
