//! The rules as data: a stable name, what it means in plain words, the kernel's message and error, and
//! which kernels have it.

use std::fmt;

use crate::kind::Version;

/// An error number of the kernel, as its system calls give it.
///
/// ```
/// assert_eq!(btfkinds::check::Errno::EINVAL.to_string(), "EINVAL");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident $number:literal)*) => {
        impl Errno {
            $(#[doc = concat!("`", stringify!($name), "`, ", $number, ".")]
            pub const $name: Errno = Errno($number);)*

            /// The number's name, if it is one that loading BTF can give.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! { ENOENT 2 E2BIG 7 ENOMEM 12 EFAULT 14 EEXIST 17 EINVAL 22 ELOOP 40 ENOTSUPP 524 }

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// The kernel takes it, but not as it was meant, or it depends on the very kernel, or other tools choke on it.
    Warning,
    /// The kernel refuses the blob, or what is said there cannot be meant.
    Error,
}

/// One thing that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// A short name that stays: `int-bits`.
    pub name: &'static str,
    /// What is wrong where it is broken, in plain words.
    pub words: &'static str,
    /// The kernel's own message, without values in it; empty where its log says nothing.
    pub message: &'static str,
    /// The error that the kernel gives; None where the rule is not the kernel's.
    pub errno: Option<Errno>,
    /// How bad it is.
    pub severity: Severity,
    /// The first kernel that has the rule.
    pub since: Version,
    /// The first kernel that no longer has it.
    pub until: Option<Version>,
    /// What may help; empty if nothing is known to.
    pub hint: &'static str,
}

/// The first kernel with BTF.
pub(super) const FIRST: Version = Version { major: 4, minor: 18 };

macro_rules! first_of {
    ($major:literal $minor:literal) => {
        Version { major: $major, minor: $minor }
    };
    () => {
        FIRST
    };
}

macro_rules! text_or_none {
    ($text:literal) => {
        $text
    };
    () => {
        ""
    };
}

macro_rules! end_of {
    ($major:literal $minor:literal) => {
        Some(Version { major: $major, minor: $minor })
    };
    () => {
        None
    };
}

macro_rules! rules {
    ($($id:ident $name:literal $errno:ident $message:literal $words:literal
        $(since $since:literal $since_minor:literal)?
        $(until $until:literal $until_minor:literal)?
        $(hint $hint:literal)?;)*) => {
        $(pub(super) const $id: Rule = Rule {
            name: $name,
            words: $words,
            message: $message,
            errno: Some(Errno::$errno),
            severity: Severity::Error,
            since: first_of!($($since $since_minor)?),
            until: end_of!($($until $until_minor)?),
            hint: text_or_none!($($hint)?),
        };)*
        const KERNEL: &[Rule] = &[$($id),*];
    };
}

/// Rules that are ours: the kernel takes what they are about.
macro_rules! own {
    ($($(#[$doc:meta])* $id:ident $severity:ident $name:literal $words:literal
        $(since $since:literal $since_minor:literal)?
        $(hint $hint:literal)?;)*) => {
        $($(#[$doc])* pub(super) const $id: Rule = Rule {
            name: $name,
            words: $words,
            message: "",
            errno: None,
            severity: Severity::$severity,
            since: first_of!($($since $since_minor)?),
            until: None,
            hint: text_or_none!($($hint)?),
        };)*
        const OWN: &[Rule] = &[$($id),*];
    };
}

rules! {
    // The header and its sections.
    SIZE "size" E2BIG "" "the kernel takes no blob of more than 16 MiB";
    HEADER_CUT "header-cut" EINVAL "hdr_len not found" "the blob ends within the first 8 bytes of its header";
    HEADER_LENGTH "header-length" EINVAL "btf_header not found" "the header is longer than the blob";
    HEADER_TAIL "header-tail" E2BIG "Unsupported btf_header" "the header is longer than the kernel knows, and what is there is not zero";
    MAGIC "magic" EINVAL "Invalid magic" "this is not BTF in the machine's byte order";
    VERSION "version" ENOTSUPP "Unsupported version" "only version 1 is known";
    FLAGS "flags" ENOTSUPP "Unsupported flags" "no header flag is known";
    NO_DATA "no-data" EINVAL "No data" "there is nothing behind the header";
    SECTION_OFFSET "section-offset" EINVAL "Invalid section offset" "a section starts past the end";
    SECTION_GAP "section-gap" EINVAL "Unsupported section found" "there is a gap before a section";
    SECTION_OVERLAP "section-overlap" EINVAL "Section overlap found" "two sections overlap";
    SECTION_LENGTH "section-length" EINVAL "Total section length too long" "a section ends past the end";
    SECTION_REST "section-rest" EINVAL "Unsupported section found" "there are bytes behind the last section";
    STRINGS_LAST "strings-last" EINVAL "String section is not at the end" "the string section must be the last";
    STRINGS_EMPTY "strings-empty" EINVAL "Invalid string section" "there are no strings, not even the empty one";
    STRINGS_LENGTH "strings-length" EINVAL "Invalid string section" "the string section is longer than names can reach";
    STRINGS_END "strings-end" EINVAL "Invalid string section" "the string section does not end in NUL";
    STRINGS_START "strings-start" EINVAL "Invalid string section" "the string section does not start with NUL";
    LAYOUT_ALIGN "layout-align" EINVAL "Unaligned layout_off" "the layout section's offset is not a multiple of 4" since 7 1;
    LAYOUT_SMALL "layout-small" EINVAL "Layout section is too small" "the layout section has not even one entry" since 7 1;
    LAYOUT_WHOLE "layout-whole" EINVAL "layout_len is not multiple of 4" "the layout section's length is not a multiple of 4" since 7 1;
    TYPES_ALIGN "types-align" EINVAL "Unaligned type_off" "the type section's offset is not a multiple of 4";
    NO_TYPES "no-types" EINVAL "No type found" "there are no types";

    // Each record by itself.
    RECORD_CUT "record-cut" EINVAL "meta_left:" "the record is longer than what is left of the type section";
    INFO_BITS "info-bits" EINVAL "Invalid btf_info:" "bits of info that must be zero are set" until 7 2;
    KIND "kind" EINVAL "Invalid kind:" "the kernel does not know this kind";
    NAME_OFFSET "name-offset" EINVAL "Invalid name_offset:" "the name is past the end of the strings";
    VLEN "vlen" EINVAL "vlen != 0" "this kind has no elements, vlen must be 0";
    KIND_FLAG "kind-flag" EINVAL "Invalid btf_info kind_flag" "this kind has no kind_flag";
    NAMED "named" EINVAL "Invalid name" "this kind has no name" since 4 19;
    NAME "name" EINVAL "Invalid name" "the name is not an identifier, which this kind must have" since 4 19;
    NAME_IF_ANY "name-if-any" EINVAL "Invalid name" "the name is not an identifier" since 4 19;
    TAG_NAME "tag-name" EINVAL "Invalid name" "a type tag must have a value";
    SECTION_NAME "section-name" EINVAL "Invalid name" "the name is not a section's: printable, and not empty";
    TAG_VALUE "tag-value" EINVAL "Invalid value" "a declaration tag must have a value";
    TYPE_ID "type-id" EINVAL "Invalid type_id" "the type id is past the highest there can be";
    VAR_TYPE_ID "var-type-id" EINVAL "Invalid type_id" "the type id is 0, or past the highest there can be";
    INT_DATA "int-data" EINVAL "Invalid int_data:" "bits of the encoding word that must be zero are set";
    INT_BITS_64 "int-bits" EINVAL "nr_bits exceeds 64" "an integer has no more than 64 bits, its offset included" until 5 1;
    INT_BITS "int-bits" EINVAL "nr_bits exceeds 128" "an integer has no more than 128 bits, its offset included" since 5 1;
    INT_SIZE "int-size" EINVAL "nr_bits exceeds type_size" "the integer's bits are more than its size";
    INT_ENCODING "int-encoding" ENOTSUPP "Unsupported encoding" "an integer is signed, a char or a bool, and not two of them";
    FWD_TYPE "fwd-type" EINVAL "type != 0" "a forward declaration's third word must be 0";
    ARRAY_SIZE "array-size" EINVAL "size != 0" "an array's third word must be 0";
    ARRAY_ELEM_ID "array-elem-id" EINVAL "Invalid elem" "the elements' type id is 0, or past the highest there can be";
    ARRAY_INDEX_ID "array-index-id" EINVAL "Invalid index" "the index's type id is 0, or past the highest there can be";
    ENUM_FLAG "enum-flag" EINVAL "Invalid btf_info kind_flag" "an enum has no kind_flag" since 5 0 until 6 0;
    ENUM_SIZE_4 "enum-size" EINVAL "Expected size:4" "an enum has 4 bytes" until 5 4;
    ENUM_SIZE "enum-size" EINVAL "Unexpected size" "an enum has 1, 2, 4 or 8 bytes" since 5 4;
    FLOAT_SIZE "float-size" EINVAL "Invalid type_size" "a float has 2, 4, 8, 12 or 16 bytes";
    FUNC_VLEN "func-vlen" EINVAL "vlen != 0" "a function's vlen must be 0" until 5 6;
    FUNC_LINKAGE "func-linkage" EINVAL "Invalid func linkage" "a function is static or global (0 or 1)" since 5 6;
    VAR_LINKAGE "var-linkage" EINVAL "Linkage not supported" "a variable is static or global (0 or 1)";
    SECTION_VARS "section-vars" EINVAL "vlen == 0" "a section must have variables" until 5 12;
    SECTION_EMPTY "section-empty" EINVAL "size == 0" "a section must have a size";
    TAG_FLAG "tag-flag" EINVAL "Invalid btf_info kind_flag" "a tag has no kind_flag" until 6 15;
    TAG_COMPONENT "tag-component" EINVAL "Invalid component_idx" "a component's number is -1 (none) or more";
    MEMBER_NAME_OFFSET "member-name-offset" EINVAL "Invalid member name_offset:" "the name is past the end of the strings";
    MEMBER_NAME "member-name" EINVAL "Invalid name" "the name is not an identifier" since 4 19;
    MEMBER_TYPE_ID "member-type-id" EINVAL "Invalid type_id" "the type id is 0, or past the highest there can be";
    UNION_OFFSET "union-offset" EINVAL "Invalid member bits_offset" "a union's members start at 0";
    MEMBER_ORDER "member-order" EINVAL "Invalid member bits_offset" "the member starts before the one before it";
    MEMBER_OFFSET_OLD "member-offset" EINVAL "Memmber bits_offset exceeds its struct size" "the member starts past the struct's end" until 5 0;
    MEMBER_OFFSET "member-offset" EINVAL "Member bits_offset exceeds its struct size" "the member starts past the struct's end" since 5 0;
    VALUE_NAME_OFFSET "value-name-offset" EINVAL "Invalid name_offset:" "the name is past the end of the strings";
    VALUE_NAME "value-name" EINVAL "Invalid name" "a value's name must be an identifier" since 4 19;
    SECTION_VAR_ID "section-var-id" EINVAL "Invalid type_id" "the type id is 0, or past the highest there can be";
    SECTION_VAR_OFFSET "section-var-offset" EINVAL "Invalid offset" "the variable starts before the end of the one before it, or past the section's end";
    SECTION_VAR_SIZE "section-var-size" EINVAL "Invalid size" "the variable's size is 0, or more than the section's";
    SECTION_VAR_END "section-var-end" EINVAL "Invalid offset+size" "the variable ends past the section's end";
    SECTION_SUM "section-sum" EINVAL "Invalid btf_info size" "the variables are larger than the section together";

    // What types make of each other.
    TARGET "target" EINVAL "Invalid type_id" "it cannot refer to this type";
    INDEX "array-index" EINVAL "Invalid index" "an array's index must be an integer without bitfield";
    ELEM "array-elem" EINVAL "Invalid elem" "there cannot be an array of this type";
    ARRAY_OF_BITS "array-of-bits" EINVAL "Invalid array of int" "an array's elements cannot be bitfields";
    ARRAY_OVERFLOW "array-overflow" EINVAL "Array size overflows U32_MAX" "the array has more than 2^32-1 bytes";
    MEMBER_TARGET "member-target" EINVAL "Invalid member" "a member cannot have this type";
    MEMBER_ALIGN "member-align" EINVAL "Member is not byte aligned" "a member that is no bitfield starts at a whole byte";
    MEMBER_FLOAT_ALIGN "member-float-align" EINVAL "Member is not properly aligned" "the float is not aligned to its size";
    MEMBER_END "member-end" EINVAL "Member exceeds struct_size" "the member ends past the struct's end";
    MEMBER_RANGE "member-range" EINVAL "bits_offset exceeds U32_MAX" "the member's bits are past 2^32-1";
    MEMBER_BITS_64 "member-bits" EINVAL "nr_copy_bits exceeds 64" "the bits reach over more than 8 bytes" until 5 1;
    MEMBER_BITS "member-bits" EINVAL "nr_copy_bits exceeds 128" "the bits reach over more than 16 bytes" since 5 1;
    BITFIELD_BASE "bitfield-base" EINVAL "Invalid member base type" "in a struct with kind_flag an integer must be of 1, 2, 4, 8 or 16 whole bytes";
    BITFIELD_OFFSET "bitfield-offset" EINVAL "Invalid member offset" "a member that is no bitfield starts at a whole byte";
    BITFIELD_SIZE "bitfield-size" EINVAL "Invalid member bitfield_size" "the bitfield is larger than its type, or of a type that has none";
    SECTION_TARGET "section-target" EINVAL "Not a VAR kind member" "a section has variables";
    SECTION_VAR_TYPE "section-var-type" EINVAL "Invalid type" "the variable's type has no size";
    SECTION_VAR_SMALL "section-var-small" EINVAL "Invalid size" "the variable's type is larger than its place in the section";
    TAG_MEMBER "tag-member" EINVAL "Invalid component_idx" "what is tagged has no such component";
    RETURN_TYPE "return-type" EINVAL "Invalid return type" "nothing can be returned of this type";
    ARG "arg" EINVAL "Invalid arg#" "an argument has a type with a size, and an identifier as name, or none";
    ARG_VOID "arg-vararg" EINVAL "Invalid arg#" "'...' has no name";
    FUNC_ARG "func-arg" EINVAL "Invalid arg#" "a function's arguments must have names";
    DEPTH "depth" E2BIG "Exceeded max resolving depth:32" "the types that it leads to are nested deeper than 32, and not known yet";
    LOOP "loop" EEXIST "Loop detected" "it leads to itself in a way that has no end";
    STATE "state" EINVAL "Invalid resolve state" "it was resolved to something that cannot be";
    TAG_CHAIN "tag-chain" ELOOP "Max chain length or cycle detected" "more than 32 modifiers follow each other" since 5 19;
    TAG_ORDER "tag-order" EINVAL "Type tags don't precede modifiers" "a type tag stands behind a modifier, not before it" since 5 19;
    TAG_TARGET "tag-target" EINVAL "" "a chain of modifiers leads to a type that is not there" since 5 19;

    // What a module's distilled base makes of it.
    RELOCATION "relocation" EINVAL "" "the distilled base does not fit the kernel's types" since 6 11
        hint "was the module built for a kernel with other types?";

    // Types with a meaning of their own in BPF programs (locks, lists, kernel pointers).
    SPECIAL_BITFIELD "special-bitfield" EINVAL "" "a struct with special fields has no bitfields" since 6 2;
    SPECIAL_TWICE "special-twice" E2BIG "" "a special field that there can only be one of is there twice" since 6 2;
    SPECIAL_DEPTH "special-depth" E2BIG "" "structs or arrays are nested too deep in a struct with special fields" since 6 2;
    SPECIAL_COUNT "special-count" E2BIG "" "a struct has no more than 11 special fields" since 6 2;
    SPECIAL_ARRAY "special-array" EINVAL "" "there cannot be an array of this special field" since 6 2;
    SPECIAL_END "special-end" EFAULT "" "a special field ends past the struct's end; the kernel also warns in its own log" since 6 2;
    SPECIAL_OVERLAP "special-overlap" EEXIST "" "special fields overlap or are not in order" since 6 2;
    SPECIAL_NONE "special-none" EFAULT "" "the struct has a member of a special type, and still no special field" since 6 2;
    KPTR_TAGS "kptr-tags" EINVAL "" "a tagged pointer has more than one tag" since 6 2;
    KPTR_TAG "kptr-tag" EINVAL "" "the tag is none of the kernel pointers'" since 6 2;
    KPTR_TARGET "kptr-target" EINVAL "" "a kernel pointer must point to a struct" since 6 2;
    KPTR_RELEASE "kptr-release" ENOENT "" "the kernel does not know how to release what the pointer owns" since 6 2;
    ROOT_TAG "root-tag" EINVAL "" "a list or tree needs one tag 'contains:STRUCT:MEMBER'" since 6 2;
    ROOT_VALUE "root-value" ENOENT "" "there is no struct of the name in the tag" since 6 2;
    ROOT_NODE "root-node" EINVAL "" "the member named in the tag is not one node of that list or tree" since 6 2;
    ROOT_MEMBER "root-member" ENOENT "" "there is no member of the name in the tag" since 6 2;
    ROOT_LOCK "root-lock" EINVAL "" "a list or tree needs a lock in the same struct" since 6 2;
    TWO_LOCKS "two-locks" EINVAL "" "a struct has one kind of lock" since 6 2;
    NODE_COUNT "node-refcount" EINVAL "" "what is in a list and in a tree must count its references" since 6 2;
    ROOT_RECORD "root-record" EFAULT "" "what is in the list or tree has no special fields" since 6 2;
    OWNERSHIP "ownership" ELOOP "" "what is in a list or tree cannot be of a type that has others in it, if it is in one itself" since 6 2;
}

own! {
    // What the kernel takes, but not as it was meant.
    /// Types behind the last id are lost: the kernel says nothing.
    DROPPED Warning "types-dropped" "the kernel drops all types behind the last id";
    /// The kernel only looks for it in one struct at a time.
    SPECIAL_NESTED Warning "special-nested" "a special field that there can only be one of is there more than once, which makes the kernel warn in its own log" since 6 2;
    /// Whether a struct of this name is the kernel's own is not in the blob.
    KPTR_KERNEL Warning "kptr-kernel" "if the kernel has a struct of this name, it must know how to release it" since 6 2;
    /// Other kernels, Debian's 6.12 among them, look at all that is owned.
    OWNERSHIP_DEPTH Warning "ownership-depth" "kernels with later fixes refuse it: what owns what is more than 8 deep, or has no end" since 6 2;

    // What the kernel does not look at in a module's or its own BTF.
    REFERENCE Error "reference" "it refers to a type that is not there, which the kernel does not check here"
        hint "is the base the one that it was numbered for?";
    NAME_WITHIN Warning "name-within" "names begin inside of other strings"
        hint "of a module: is the base the one that it was built for?";
    ORIGIN_BASE Warning "origin-base" "the origin record names another base"
        hint "give the base that it was numbered for, or move it to this one: btfkinds renumber -B";
    MODULE_STANDALONE Warning "module-standalone" "this is standalone BTF, and the kernel takes a module's for split"
        hint "btfkinds rebase or renumber makes it what a kernel takes";

    // What other readers choke on.
    KIND_UNKNOWN Error "kind-unknown" "nothing says how long records of this kind are"
        hint "have the encoder describe the kind: btfkinds encode --kind-file";
    DESCRIPTION Error "description" "what describes the kinds of records cannot be right";
    DESCRIPTION_BROKEN Warning "description-broken" "a description of a kind, which no record has, cannot be read";
    DESCRIPTION_RELEASED Warning "description-released" "a released kind is described, but not as it is"
        hint "encoders as they were posted in 2022 do so; btfkinds encode adds descriptions that are right";
    DESCRIPTION_UNUSED Warning "description-unused" "a kind that is not released is described, but no record has it";
    LAYOUT_RELEASED Warning "layout-released" "the layout section says other sizes than a released kind has";
    LAYOUT_KIND Warning "layout-kind" "the layout section does not have a kind of which there are records";
    STRING_TWICE Warning "string-twice" "strings are there more than once";
    STRING_UNUSED Warning "string-unused" "nothing refers to strings that are there";
}

impl Rule {
    /// All rules: the kernel's, in the order in which it checks, then ours. A rule that has changed from one kernel to
    /// another is there more than once, under one name.
    ///
    /// ```
    /// let rule = btfkinds::check::Rule::all().find(|rule| rule.name == "loop").unwrap();
    /// assert_eq!(rule.message, "Loop detected");
    /// ```
    pub fn all() -> impl Iterator<Item = &'static Rule> {
        KERNEL.iter().chain(OWN)
    }

    /// Whether a kernel has the rule; ours have been thought of for all.
    pub fn holds(&self, version: Version) -> bool {
        self.since <= version && self.until.is_none_or(|until| version < until)
    }
}
