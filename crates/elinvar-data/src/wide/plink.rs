//! Genotypes of a PLINK binary file set: `.bed` (two bits a genotype, variant by variant), `.bim` (variants) and `.fam` (samples).

use crate::source::{Name, not_there};
use elinvar_core::Result;
use ndarray::Array2;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Magic number, and 1 for the order variant by variant.
const HEADER: [u8; 3] = [0x6c, 0x1b, 0x01];

/// Copies of the first allele for each two-bit code; code 1 is a missing genotype.
const COPIES: [f32; 4] = [2.0, f32::NAN, 1.0, 0.0];

/// The common part of the three file names, when `path` means a PLINK file set.
pub(super) fn prefix(path: &Path) -> Option<PathBuf> {
    if path.extension().is_some_and(|e| e == "bed") {
        return Some(path.with_extension(""));
    }
    (!path.exists() && with(path, "bed").exists()).then(|| path.to_owned())
}

/// The prefix may itself hold points, so the extension is appended.
fn with(prefix: &Path, extension: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

pub(super) struct Genotypes {
    name: Name,
    file: File,
    n_samples: usize,
    n_variants: usize,
}

impl Genotypes {
    /// Opens the file set; gives the name for messages and the names of the variants as well.
    pub(super) fn open(prefix: &Path) -> Result<(Name, Self, Vec<String>)> {
        let variants = lines(&with(prefix, "bim"), 1)?;
        let n_samples = lines(&with(prefix, "fam"), 1)?.len();
        let path = with(prefix, "bed");
        let name = Name::new(path.display().to_string());
        let mut file = File::open(&path).map_err(|e| not_there(&path, e))?;
        let mut header = [0; 3];
        file.read_exact(&mut header).map_err(|e| name.io(e))?;
        if header != HEADER {
            return Err(name.damaged("not a PLINK .bed file in variant-major order").hint("write it with PLINK 1.9's --make-bed"));
        }
        let wanted = 3 + (variants.len() * n_samples.div_ceil(4)) as u64;
        let there = file.metadata().map_err(|e| name.io(e))?.len();
        if there != wanted {
            let message = format!("{} variants of {n_samples} samples need {wanted} bytes, got {there}", variants.len());
            return Err(name.damaged(message).hint("the .bim and .fam must be those of the .bed"));
        }
        let genotypes = Self { name: name.clone(), file, n_samples, n_variants: variants.len() };
        Ok((name, genotypes, variants))
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_samples
    }

    pub(super) fn block(&mut self, variants: Range<usize>) -> Result<Array2<f32>> {
        debug_assert!(variants.end <= self.n_variants);
        let bytes_each = self.n_samples.div_ceil(4);
        let mut bytes = vec![0; variants.len() * bytes_each];
        let start = 3 + (variants.start * bytes_each) as u64;
        let read = self.file.seek(SeekFrom::Start(start)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|e| self.name.io(e))?;
        Ok(Array2::from_shape_fn((variants.len(), self.n_samples), |(variant, sample)| {
            let byte = bytes[variant * bytes_each + sample / 4];
            COPIES[usize::from(byte >> (2 * (sample % 4)) & 3)]
        }))
    }
}

/// One field of every line of a text file whose fields stand between spaces or tabs.
fn lines(path: &Path, field: usize) -> Result<Vec<String>> {
    let name = Name::new(path.display().to_string());
    let text = std::fs::read_to_string(path).map_err(|e| not_there(path, e))?;
    let read = |(number, line): (usize, &str)| {
        let value = line.split_whitespace().nth(field).map(str::to_owned);
        value.ok_or_else(|| name.damaged(format!("line {} must have at least {} fields", number + 1, field + 1)))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(read).collect()
}
