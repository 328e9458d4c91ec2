//! Compressed files: modules are installed as `.ko.gz`, `.ko.xz` or `.ko.zst`.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Check, Filters, LzmaOptions, Stream};
use liblzma::write::XzEncoder;

/// How a file is compressed, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Xz,
    Zstd,
}

/// No module or vmlinux is larger unpacked; a few bytes could claim to be.
const MOST: u64 = 1 << 30;
/// What the kernel's build gives `xz --lzma2=dict=`: its own unpacker has no more to spare.
const XZ_DICTIONARY: u32 = 1 << 20;

impl Packing {
    pub(super) fn of(bytes: &[u8]) -> Option<Packing> {
        [
            (b"\x1f\x8b".as_slice(), Packing::Gzip),
            (b"\xfd7zXZ\0", Packing::Xz),
            (b"\x28\xb5\x2f\xfd", Packing::Zstd),
        ]
        .into_iter()
        .find_map(|(magic, packing)| bytes.starts_with(magic).then_some(packing))
    }

    pub(super) fn unpack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let read = match self {
            Packing::Gzip => {
                flate2::read::MultiGzDecoder::new(bytes).take(MOST).read_to_end(&mut out)?
            }
            Packing::Xz => {
                let stream = Stream::new_stream_decoder(MOST, CONCATENATED)?;
                XzDecoder::new_stream(bytes, stream).take(MOST).read_to_end(&mut out)?
            }
            Packing::Zstd => {
                zstd::stream::read::Decoder::new(bytes)?.take(MOST).read_to_end(&mut out)?
            }
        };
        if read as u64 == MOST {
            return Err(io::Error::other("it is 1 GiB or more when unpacked"));
        }
        Ok(out)
    }

    /// As the kernel's build does it (`scripts/Makefile.modinst`), so that a kernel that unpacks
    /// modules itself can read it. The same bytes every time: no name, no time.
    pub(super) fn pack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Packing::Gzip => {
                let mut out = GzBuilder::new().write(Vec::new(), Compression::default());
                out.write_all(bytes)?;
                out.finish()
            }
            Packing::Xz => {
                let mut lzma = LzmaOptions::new_preset(6)?;
                lzma.dict_size(XZ_DICTIONARY);
                let stream = Stream::new_stream_encoder(Filters::new().lzma2(&lzma), Check::Crc32)?;
                let mut out = XzEncoder::new_stream(Vec::new(), stream);
                out.write_all(bytes)?;
                out.finish()
            }
            Packing::Zstd => zstd::stream::encode_all(bytes, 3),
        }
    }
}
