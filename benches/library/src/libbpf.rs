//! libbpf, as far as it is needed here.

use std::error::Error;
use std::ffi::{CStr, CString};
use std::ptr;

use btfkinds::{Kind, KindSpec};
use libbpf_sys as sys;

/// A parsed blob; what is split on another must not outlive it.
pub struct Btf(*mut sys::btf);

impl Drop for Btf {
    fn drop(&mut self) {
        // SAFETY: it came from libbpf and is freed once.
        unsafe { sys::btf__free(self.0) }
    }
}

impl Btf {
    fn checked(btf: *mut sys::btf) -> Btf {
        // SAFETY: it takes any pointer.
        let error = unsafe { sys::libbpf_get_error(btf.cast()) };
        assert_eq!(error, 0, "libbpf: error {error}");
        Btf(btf)
    }

    pub fn new(blob: &[u8]) -> Btf {
        let len = u32::try_from(blob.len()).expect("a blob of 4 GiB");
        // SAFETY: the bytes are there, and are copied.
        Self::checked(unsafe { sys::btf__new(blob.as_ptr().cast(), len) })
    }

    pub fn split(base: &Btf) -> Btf {
        // SAFETY: a valid base.
        Self::checked(unsafe { sys::btf__new_empty_split(base.0) })
    }

    pub fn parse_elf_split(path: &str, base: &Btf) -> Result<Btf, Box<dyn Error>> {
        let path = CString::new(path)?;
        // SAFETY: a valid string and base.
        Ok(Self::checked(unsafe { sys::btf__parse_elf_split(path.as_ptr(), base.0) }))
    }

    pub fn type_count(&self) -> u32 {
        // SAFETY: a valid object, as in all that follow.
        unsafe { sys::btf__type_cnt(self.0) }
    }

    pub fn add_btf(&mut self, other: &Btf) {
        let first = unsafe { sys::btf__add_btf(self.0, other.0) };
        assert!(first > 0, "btf__add_btf: {first}");
    }

    pub fn raw_len(&self) -> u32 {
        let mut size = 0;
        unsafe { sys::btf__raw_data(self.0, &mut size) };
        size
    }

    /// The id of the first type of a name, negative if there is none.
    pub fn find(&self, name: &CString) -> i32 {
        unsafe { sys::btf__find_by_name(self.0, name.as_ptr()) }
    }

    /// The sum of what all `info` words say.
    pub fn visit(&self) -> u64 {
        let infos = (1..self.type_count()).map(|id| {
            // SAFETY: the id is in range.
            u64::from(unsafe { (*sys::btf__type_by_id(self.0, id)).info })
        });
        infos.sum()
    }

    /// The sum of the lengths of all names.
    pub fn visit_names(&self) -> u64 {
        let lengths = (1..self.type_count()).map(|id| {
            // SAFETY: the id is in range, and libbpf checked that its strings end in NUL.
            let name = unsafe {
                let ty = sys::btf__type_by_id(self.0, id);
                CStr::from_ptr(sys::btf__name_by_offset(self.0, (*ty).name_off))
            };
            name.count_bytes() as u64
        });
        lengths.sum()
    }

    /// Describes the released kinds in the shape of November 2022 (sizes only): the same job as
    /// `benches/libbpf_encode.c`.
    pub fn describe(&mut self) {
        let btf = self.0;
        let ok = |id: i32| {
            assert!(id >= 0, "libbpf: adding a type: {id}");
            id
        };
        let name = |name: &str| CString::new(name).expect("a name without NUL");
        // SAFETY: valid strings that are copied, a valid object.
        unsafe {
            let word =
                sys::btf__find_by_name_kind(btf, name("__u32").as_ptr(), Kind::TYPEDEF.0.into());
            let word = ok(word);
            let index = ok(sys::btf__resolve_type(btf, word.unsigned_abs()));
            let field = |field: &str, id: i32, at: usize| {
                let at = u32::try_from(at * 32).expect("a small struct");
                ok(sys::btf__add_field(btf, name(field).as_ptr(), id, at, 0));
            };
            let third = ok(sys::btf__add_union(btf, ptr::null(), 4));
            field("size", word, 0);
            field("type", word, 0);
            let header = ok(sys::btf__add_struct(btf, name("__btf_type").as_ptr(), 12));
            field("name_off", word, 0);
            field("info", word, 1);
            ok(sys::btf__add_field(btf, ptr::null(), third, 64, 0));
            for spec in KindSpec::released() {
                let words = if spec.fixed.is_empty() { &spec.elements } else { &spec.fixed };
                let meta = (!words.is_empty()).then(|| {
                    let meta = name(&format!("__BTF_KIND_META_{}", spec.name));
                    let size = u32::try_from(words.len() * 4).expect("a small struct");
                    let meta = ok(sys::btf__add_struct(btf, meta.as_ptr(), size));
                    words.iter().enumerate().for_each(|(at, of)| field(&of.name, word, at));
                    let count = u32::from(!spec.fixed.is_empty());
                    ok(sys::btf__add_array(btf, index, meta, count))
                });
                let size = u32::try_from(12 + spec.fixed_size()).expect("a small struct");
                let outer = name(&format!("__BTF_KIND_{}", spec.name));
                let outer = ok(sys::btf__add_struct(btf, outer.as_ptr(), size));
                field("type", header, 0);
                if let Some(meta) = meta {
                    field("meta", meta, 3);
                }
                let typedef = name(&format!("__BTF_KIND_{}", spec.kind));
                ok(sys::btf__add_typedef(btf, typedef.as_ptr(), outer));
            }
        }
    }
}
