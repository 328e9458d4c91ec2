//! Parts of the running kernel's BTF, and whole kernels.

use std::collections::HashMap;
use std::time::Instant;

use btfkinds::check::{Options, Outcome, check};
use btfkinds::kernel::VMLINUX;
use btfkinds::{Btf, File, Parse, TypeId};

use super::common::{Random, needs};
use super::raw::{Raw, id_words};

/// The running kernel's types.
pub struct Real(Btf);

impl Real {
    pub fn running() -> Option<Real> {
        Some(Real(Btf::parse(&std::fs::read(VMLINUX).ok()?).unwrap()))
    }

    /// A type with some of what it leads to. What is left out is void to pointers and an int
    /// elsewhere.
    pub fn part(&self, random: &mut Random) -> Raw {
        let mut raw = Raw::default();
        raw.int(4);
        let first = 1 + random.below(self.0.type_count() as usize - 1) as u32;
        let most = 2 + random.below(60);
        let mut ids = HashMap::from([(first, 2)]);
        let mut order = vec![first];
        let mut at = 0;
        while let Some(id) = order.get(at) {
            at += 1;
            let words = self.0.get(TypeId(*id)).unwrap().words();
            for word in id_words(words) {
                let to = words[word];
                if to != 0 && order.len() < most && !ids.contains_key(&to) {
                    order.push(to);
                    ids.insert(to, order.len() as u32 + 1);
                }
            }
        }
        for id in order {
            let record = self.0.get(TypeId(id)).unwrap();
            let mut words = record.words().to_vec();
            for at in id_words(&words) {
                let left_out = u32::from(record.kind().0 != 2);
                words[at] =
                    if words[at] == 0 { 0 } else { *ids.get(&words[at]).unwrap_or(&left_out) };
            }
            words[0] = raw.bytes_name(record.name());
            let strings: &[usize] = match record.kind().0 {
                4..=6 | 13 | 19 => &[0],
                _ => &[],
            };
            let len = record.spec().elements.len();
            for element in 0..record.elements().len() {
                for string in strings {
                    let at = 3 + element * len + string;
                    words[at] = raw.bytes_name(record.string(btfkinds::StrOff(words[at])));
                }
            }
            raw.types.push(words);
        }
        raw
    }
}

fn is_clean(bytes: &[u8]) {
    let start = Instant::now();
    let report = check(bytes, &Options::default());
    eprintln!("{} bytes: {:?}", bytes.len(), start.elapsed());
    assert_eq!(report.findings(), []);
    assert_eq!(report.verdict(), Outcome::Accepted);
}

pub fn running_kernel_is_clean() {
    is_clean(&std::fs::read(VMLINUX).unwrap());
}

pub fn debian_kernel_is_clean() {
    let file = File::open(&needs::debian().join("vmlinux")).unwrap();
    is_clean(&file.btf(&Parse::new()).unwrap().to_bytes());
}
