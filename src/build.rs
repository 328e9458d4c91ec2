//! Building types: a method of [`Btf`] for each released kind, on top of [`Btf::add`], which takes
//! any kind by its words.

use crate::btf::{Btf, NewType, TypeId};
use crate::error::{Error, ErrorKind, Result};
use crate::kind::Kind;

/// What an INT's bytes mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// An unsigned number.
    #[default]
    Unsigned,
    /// A signed number (`BTF_INT_SIGNED`).
    Signed,
    /// A character (`BTF_INT_CHAR`).
    Char,
    /// A truth value (`BTF_INT_BOOL`).
    Bool,
}

/// How a function or variable is linked (`enum btf_func_linkage`, `BTF_VAR_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Linkage {
    /// Known to its own file alone.
    #[default]
    Static,
    /// Defined here for all.
    Global,
    /// Defined elsewhere.
    Extern,
}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name; empty for an anonymous struct or union.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
    /// Where it starts, in bits from the start of the struct.
    pub bits_offset: u32,
    /// How many bits a bitfield has; 0 for what is none.
    pub bitfield_size: u8,
}

/// A variable in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionVar {
    /// The VAR, or the FUNC for an extern function.
    pub ty: TypeId,
    /// Where it is, in bytes from the start of the section.
    pub offset: u32,
    /// Its size in bytes.
    pub size: u32,
}

fn refuse(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Edit, what)
}

fn needs_name(kind: &str, name: &str) -> Result<()> {
    match name {
        "" => Err(refuse(format!("{kind} needs a name"))),
        _ => Ok(()),
    }
}

/// The number of elements as a record can say it; [`Btf::add`] refuses what is too large.
fn count<T>(elements: &[T]) -> u32 {
    u32::try_from(elements.len()).unwrap_or(u32::MAX)
}

const fn plain(kind: Kind, name: &str) -> NewType<'_> {
    NewType { kind, name, kind_flag: false, vlen: 0, size_or_type: 0, words: &[] }
}

/// Types of the released kinds.
///
/// All of these refuse what their record cannot say, in place of cutting it off, and change nothing
/// then. Ids may be of types that are added later: [`Btf::check_references`] tells in the end whether
/// all are there. Strings that the blob or its bases have are not added again.
///
/// ```
/// use btfkinds::{Btf, Encoding, Linkage, Member};
///
/// // int distance(const struct point *p) { ... }, with struct point { int x, y : 4; };
/// let mut btf = Btf::new();
/// let int = btf.add_int("int", 4, Encoding::Signed)?;
/// let x = Member { name: "x", ty: int, bits_offset: 0, bitfield_size: 0 };
/// let point = btf.add_struct("point", 8, &[x, Member { name: "y", bits_offset: 32, bitfield_size: 4, ..x }])?;
/// let constant = btf.add_const(point)?;
/// let pointer = btf.add_ptr(constant)?;
/// let proto = btf.add_func_proto(int, &[("p", pointer)], false)?;
/// btf.add_func("distance", proto, Linkage::Global)?;
/// btf.check_references()?;
/// assert_eq!(btf.types().count(), 6);
/// # Ok::<(), btfkinds::Error>(())
/// ```
impl Btf {
    /// INT of `size` bytes.
    ///
    /// # Errors
    /// If it has no name, or if `size` is not 1, 2, 4, 8 or 16; or as [`Btf::add`].
    pub fn add_int(&mut self, name: &str, size: u32, encoding: Encoding) -> Result<TypeId> {
        needs_name("an INT", name)?;
        if !matches!(size, 1 | 2 | 4 | 8 | 16) {
            return Err(refuse(format!("an INT has 1, 2, 4, 8 or 16 bytes, not {size}")));
        }
        let encoding = match encoding {
            Encoding::Unsigned => 0,
            Encoding::Signed => 1,
            Encoding::Char => 2,
            Encoding::Bool => 4,
        };
        let words = [encoding << 24 | size.saturating_mul(8)];
        self.add(NewType { size_or_type: size, words: &words, ..plain(Kind::INT, name) })
    }

    /// FLOAT of `size` bytes.
    ///
    /// # Errors
    /// If it has no name, or if `size` is not 2, 4, 8, 12 or 16; or as [`Btf::add`].
    pub fn add_float(&mut self, name: &str, size: u32) -> Result<TypeId> {
        needs_name("a FLOAT", name)?;
        if !matches!(size, 2 | 4 | 8 | 12 | 16) {
            return Err(refuse(format!("a FLOAT has 2, 4, 8, 12 or 16 bytes, not {size}")));
        }
        self.add(NewType { size_or_type: size, ..plain(Kind::FLOAT, name) })
    }

    /// PTR.
    ///
    /// # Errors
    /// As [`Btf::add`].
    pub fn add_ptr(&mut self, to: TypeId) -> Result<TypeId> {
        self.add(NewType { size_or_type: to.0, ..plain(Kind::PTR, "") })
    }

    /// CONST.
    ///
    /// # Errors
    /// As [`Btf::add`].
    pub fn add_const(&mut self, of: TypeId) -> Result<TypeId> {
        self.add(NewType { size_or_type: of.0, ..plain(Kind::CONST, "") })
    }

    /// VOLATILE.
    ///
    /// # Errors
    /// As [`Btf::add`].
    pub fn add_volatile(&mut self, of: TypeId) -> Result<TypeId> {
        self.add(NewType { size_or_type: of.0, ..plain(Kind::VOLATILE, "") })
    }

    /// RESTRICT.
    ///
    /// # Errors
    /// As [`Btf::add`].
    pub fn add_restrict(&mut self, of: TypeId) -> Result<TypeId> {
        self.add(NewType { size_or_type: of.0, ..plain(Kind::RESTRICT, "") })
    }

    /// TYPEDEF.
    ///
    /// # Errors
    /// If it has no name; or as [`Btf::add`].
    pub fn add_typedef(&mut self, name: &str, of: TypeId) -> Result<TypeId> {
        needs_name("a TYPEDEF", name)?;
        self.add(NewType { size_or_type: of.0, ..plain(Kind::TYPEDEF, name) })
    }

    /// ARRAY of `length` elements, counted by an INT.
    ///
    /// # Errors
    /// As [`Btf::add`].
    pub fn add_array(&mut self, element: TypeId, index: TypeId, length: u32) -> Result<TypeId> {
        self.add(NewType { words: &[element.0, index.0, length], ..plain(Kind::ARRAY, "") })
    }

    /// STRUCT of `size` bytes; without a name it is anonymous.
    ///
    /// # Errors
    /// If there is a bitfield and a member starts past 0xffffff bits; or as [`Btf::add`].
    pub fn add_struct(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> Result<TypeId> {
        self.add_composite(plain(Kind::STRUCT, name), size, members)
    }

    /// UNION of `size` bytes; without a name it is anonymous.
    ///
    /// # Errors
    /// As [`Btf::add_struct`].
    pub fn add_union(&mut self, name: &str, size: u32, members: &[Member<'_>]) -> Result<TypeId> {
        self.add_composite(plain(Kind::UNION, name), size, members)
    }

    fn add_composite(
        &mut self,
        new: NewType<'_>,
        size: u32,
        members: &[Member<'_>],
    ) -> Result<TypeId> {
        // With one bitfield, all members have a size beside their offset.
        let kind_flag = members.iter().any(|member| member.bitfield_size != 0);
        let mut words = Vec::with_capacity(members.len().saturating_mul(3));
        let undo = self.checkpoint()?;
        let mut failed = None;
        for member in members {
            if kind_flag && member.bits_offset > 0x00ff_ffff {
                let what = format!(
                    "member '{}' at bit {} is too far in for a struct with bitfields",
                    member.name, member.bits_offset
                );
                failed = Some(refuse(what));
                break;
            }
            match self.intern(member.name) {
                Ok(name) => {
                    let offset = u32::from(member.bitfield_size) << 24 | member.bits_offset;
                    words.extend([name.0, member.ty.0, offset]);
                }
                Err(err) => {
                    failed = Some(err);
                    break;
                }
            }
        }
        let vlen = count(members);
        self.finish(
            undo,
            failed,
            NewType { kind_flag, vlen, size_or_type: size, words: &words, ..new },
        )
    }

    /// Adds a type whose strings were added; takes these off again if that can't be.
    fn finish(
        &mut self,
        undo: crate::btf::Checkpoint,
        failed: Option<Error>,
        new: NewType<'_>,
    ) -> Result<TypeId> {
        let added = failed.map_or_else(|| self.add(new), Err);
        if added.is_err() {
            self.go_back(undo);
        }
        added
    }

    /// ENUM of `size` bytes, whose values have 32 bits.
    ///
    /// # Errors
    /// If `size` is not 1, 2, 4 or 8, or if a value has more than 32 bits ([`Btf::add_enum64`] takes
    /// these) or is negative in an unsigned enum; or as [`Btf::add`].
    pub fn add_enum(
        &mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[(&str, i128)],
    ) -> Result<TypeId> {
        self.add_values(plain(Kind::ENUM, name), size, signed, values)
    }

    /// ENUM64 of `size` bytes, whose values have 64 bits.
    ///
    /// # Errors
    /// If `size` is not 1, 2, 4 or 8, or if a value has more than 64 bits or is negative in an
    /// unsigned enum; or as [`Btf::add`].
    pub fn add_enum64(
        &mut self,
        name: &str,
        size: u32,
        signed: bool,
        values: &[(&str, i128)],
    ) -> Result<TypeId> {
        self.add_values(plain(Kind::ENUM64, name), size, signed, values)
    }

    fn add_values(
        &mut self,
        new: NewType<'_>,
        size: u32,
        signed: bool,
        values: &[(&str, i128)],
    ) -> Result<TypeId> {
        if !matches!(size, 1 | 2 | 4 | 8) {
            return Err(refuse(format!("an enum has 1, 2, 4 or 8 bytes, not {size}")));
        }
        let wide = new.kind == Kind::ENUM64;
        let (low, high) = match (wide, signed) {
            (false, false) => (0, i128::from(u32::MAX)),
            (false, true) => (i128::from(i32::MIN), i128::from(i32::MAX)),
            (true, false) => (0, i128::from(u64::MAX)),
            (true, true) => (i128::from(i64::MIN), i128::from(i64::MAX)),
        };
        let undo = self.checkpoint()?;
        let mut failed = None;
        let mut words = Vec::with_capacity(values.len().saturating_mul(3));
        for (name, value) in values {
            if *value < low || *value > high {
                failed = Some(refuse(format!(
                    "value '{name}' is {value}, which is not within {low} to {high}"
                )));
                break;
            }
            match self.intern(name) {
                Ok(name) => {
                    let [a, b, c, d, e, f, g, h, ..] = value.to_le_bytes();
                    words.extend([name.0, u32::from_le_bytes([a, b, c, d])]);
                    if wide {
                        words.push(u32::from_le_bytes([e, f, g, h]));
                    }
                }
                Err(err) => {
                    failed = Some(err);
                    break;
                }
            }
        }
        let vlen = count(values);
        let new = NewType { kind_flag: signed, vlen, size_or_type: size, words: &words, ..new };
        self.finish(undo, failed, new)
    }

    /// FWD: a struct, or a union, that is defined elsewhere.
    ///
    /// # Errors
    /// If it has no name; or as [`Btf::add`].
    pub fn add_fwd(&mut self, name: &str, is_union: bool) -> Result<TypeId> {
        needs_name("a FWD", name)?;
        self.add(NewType { kind_flag: is_union, ..plain(Kind::FWD, name) })
    }

    /// FUNC_PROTO: what a function returns (void: 0) and takes; `variadic` for `...` at the end.
    ///
    /// # Errors
    /// If a parameter is of type void, which stands for `...`; or as [`Btf::add`].
    pub fn add_func_proto(
        &mut self,
        returns: TypeId,
        parameters: &[(&str, TypeId)],
        variadic: bool,
    ) -> Result<TypeId> {
        let undo = self.checkpoint()?;
        let mut failed = None;
        let mut words = Vec::with_capacity(parameters.len().saturating_mul(2).saturating_add(2));
        for (name, ty) in parameters {
            if *ty == TypeId::VOID {
                failed = Some(refuse(format!("parameter '{name}' can't be void")));
                break;
            }
            match self.intern(name) {
                Ok(name) => words.extend([name.0, ty.0]),
                Err(err) => {
                    failed = Some(err);
                    break;
                }
            }
        }
        if variadic {
            words.extend([0, 0]);
        }
        let vlen = count(parameters).saturating_add(u32::from(variadic));
        let new =
            NewType { vlen, size_or_type: returns.0, words: &words, ..plain(Kind::FUNC_PROTO, "") };
        self.finish(undo, failed, new)
    }

    /// FUNC.
    ///
    /// # Errors
    /// If it has no name; or as [`Btf::add`].
    pub fn add_func(&mut self, name: &str, proto: TypeId, linkage: Linkage) -> Result<TypeId> {
        needs_name("a FUNC", name)?;
        let vlen = linkage as u32;
        self.add(NewType { vlen, size_or_type: proto.0, ..plain(Kind::FUNC, name) })
    }

    /// VAR.
    ///
    /// # Errors
    /// If it has no name; or as [`Btf::add`].
    pub fn add_var(&mut self, name: &str, ty: TypeId, linkage: Linkage) -> Result<TypeId> {
        needs_name("a VAR", name)?;
        let words = [linkage as u32];
        self.add(NewType { size_or_type: ty.0, words: &words, ..plain(Kind::VAR, name) })
    }

    /// DATASEC: a section of `size` bytes and the variables in it, in the order of their offsets.
    ///
    /// # Errors
    /// If it has no name, or if a variable starts before the one before it ends, or ends past the
    /// section; or as [`Btf::add`].
    pub fn add_datasec(&mut self, name: &str, size: u32, vars: &[SectionVar]) -> Result<TypeId> {
        needs_name("a DATASEC", name)?;
        let mut end = 0;
        for var in vars {
            let next = var.offset.checked_add(var.size).filter(|next| *next <= size);
            end = match next {
                Some(next) if var.offset >= end => next,
                _ => {
                    let what = format!(
                        "[{}] with {} bytes at {} is not behind what is before it and within the {size} bytes of '{name}'",
                        var.ty, var.size, var.offset
                    );
                    return Err(refuse(what));
                }
            };
        }
        let words: Vec<u32> =
            vars.iter().flat_map(|var| [var.ty.0, var.offset, var.size]).collect();
        let new = NewType {
            vlen: count(vars),
            size_or_type: size,
            words: &words,
            ..plain(Kind::DATASEC, name)
        };
        self.add(new)
    }

    /// DECL_TAG: a tag on a struct, union, function, variable or typedef, or on one of its members or
    /// parameters, counted from 0.
    ///
    /// # Errors
    /// If it has no name, or if `component` is past what 31 bits can say; or as [`Btf::add`].
    pub fn add_decl_tag(
        &mut self,
        name: &str,
        on: TypeId,
        component: Option<u32>,
    ) -> Result<TypeId> {
        needs_name("a DECL_TAG", name)?;
        let index = match component {
            // -1: the declaration itself.
            None => u32::MAX,
            Some(index) if index >> 31 == 0 => index,
            Some(index) => return Err(refuse(format!("there can be no component {index}"))),
        };
        self.add(NewType { size_or_type: on.0, words: &[index], ..plain(Kind::DECL_TAG, name) })
    }

    /// TYPE_TAG: a tag on the type that a pointer leads to.
    ///
    /// # Errors
    /// If it has no name; or as [`Btf::add`].
    pub fn add_type_tag(&mut self, name: &str, of: TypeId) -> Result<TypeId> {
        needs_name("a TYPE_TAG", name)?;
        self.add(NewType { size_or_type: of.0, ..plain(Kind::TYPE_TAG, name) })
    }
}
