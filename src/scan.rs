//! Looking at thirty-two bytes of a string at once.
//!
//! Names are short: calling a search costs more than the search itself, and so does asking how long they are again and
//! again. Few are longer than this.

use wide::{CmpEq, CmpGt, CmpLt, i8x32};

/// A block of a string section.
pub(crate) type Block = [u8; LEN];

const LEN: usize = 32;

#[inline(always)]
fn bytes(block: &Block) -> i8x32 {
    bytemuck::cast(*block)
}

#[inline(always)]
fn all(byte: u8) -> i8x32 {
    i8x32::splat(byte.cast_signed())
}

/// The first byte that is marked; the block's length if none is.
#[inline(always)]
fn first(marked: i8x32) -> usize {
    marked.move_mask().trailing_zeros() as usize
}

/// Where the first NUL is; the block's length if there is none.
#[inline(always)]
pub(crate) fn nul(block: &Block) -> usize {
    first(bytes(block).cmp_eq(all(0)))
}

/// Which of 64 bytes are NUL, the first in the lowest bit.
#[inline(always)]
pub(crate) fn nuls(all_bytes: &[u8; 64]) -> u64 {
    let (blocks, _) = all_bytes.as_chunks::<LEN>();
    let nuls = |block: &Block| bytes(block).cmp_eq(all(0)).move_mask().cast_unsigned();
    blocks.iter().rev().fold(0, |behind, block| behind << LEN | u64::from(nuls(block)))
}

/// Where the first byte is that JSON does not have as it is, NUL among them; the block's length if there is none.
#[inline(always)]
pub(crate) fn not_plain(block: &Block) -> usize {
    let bytes = bytes(block);
    // With a sign, bytes from 0x80 on are below all others.
    let low = bytes.cmp_lt(all(b' '));
    first(low | bytes.cmp_eq(all(b'"')) | bytes.cmp_eq(all(b'\\')) | bytes.cmp_eq(all(0x7f)))
}

/// Where the first byte is that C does not have in names, NUL among them; the block's length if there is none.
#[inline(always)]
pub(crate) fn not_in_names(block: &Block) -> usize {
    let bytes = bytes(block);
    let digit = bytes.cmp_gt(all(b'/')) & bytes.cmp_lt(all(b':'));
    // Letters of both cases differ in one bit.
    let lower = bytes | all(0x20);
    let letter = lower.cmp_gt(all(b'`')) & lower.cmp_lt(all(b'{'));
    first(!(digit | letter | bytes.cmp_eq(all(b'_'))))
}

/// How many bytes there are before the first at which `stop` stops; None if it stops at none.
#[inline]
pub(crate) fn end(bytes: &[u8], stop: impl Fn(&Block) -> usize) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks();
    let mut end = 0_usize;
    for block in blocks {
        let before = stop(block);
        end = end.wrapping_add(before);
        if before < LEN {
            return Some(end);
        }
    }
    let in_rest = rest.iter().position(|byte| stop(&[*byte; LEN]) == 0)?;
    Some(end.wrapping_add(in_rest))
}

/// The string at the start of `bytes`, without its NUL; None if there is none within them.
#[inline]
pub(crate) fn string(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(..end(bytes, nul)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_is_found_whatever_follows() {
        let mut seed = 1_u32;
        for round in 0..200_000_u32 {
            // Mostly letters, some bytes at random.
            let block: Block = std::array::from_fn(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let [random, dice, ..] = seed.to_be_bytes();
                if u32::from(dice) < round % 256 { random } else { b'a' + random % 26 }
            });
            let at =
                |stop: fn(u8) -> bool| block.iter().position(|byte| stop(*byte)).unwrap_or(LEN);
            assert_eq!(nul(&block), at(|byte| byte == 0), "{block:?}");
            let plain = at(|byte| !(b' '..=b'~').contains(&byte) || b"\"\\".contains(&byte));
            assert_eq!(not_plain(&block), plain, "{block:?}");
            let in_names = at(|byte| !byte.is_ascii_alphanumeric() && byte != b'_');
            assert_eq!(not_in_names(&block), in_names, "{block:?}");
        }
    }

    #[test]
    fn every_nul_is_a_bit() {
        for seed in 1..5000_u64 {
            let bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(20) & seed;
            let block = std::array::from_fn(|at| u8::from(bits >> at & 1 == 0) << (at % 8));
            assert_eq!(nuls(&block), bits);
        }
    }

    #[test]
    fn strings_end_at_the_first_nul() {
        for len in 0..70 {
            for behind in 0..40 {
                let mut bytes = vec![b'x'; len];
                bytes.resize(len + behind, 0);
                let expected = (behind > 0).then(|| vec![b'x'; len]);
                assert_eq!(string(&bytes), expected.as_deref());
            }
        }
    }
}
