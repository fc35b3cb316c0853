//! Columns of an NPY matrix.

use crate::element::{Elements, Layout};
use crate::npy::Npy;
use crate::source::{Name, Source};
use elinvar_core::Result;
use ndarray::{Array2, Ix2};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

pub(super) struct Matrix {
    name: Name,
    file: File,
    layout: Layout,
    start: u64,
}

impl Matrix {
    pub(super) fn open(source: Source<'_>) -> Result<Self> {
        let (name, len) = (source.name.clone(), source.len);
        let mut file = source.into_file()?;
        let layout = Npy { name: &name, reader: &mut file, len, sure: true }.layout()?.0;
        if layout.shape.len() != 2 {
            return Err(name.unusable(format!("the array must have rows and columns, got the shape {:?}", layout.shape)));
        }
        let start = file.stream_position().map_err(|e| name.io(e))?;
        Ok(Self { name, file, layout, start })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.layout.shape[0]
    }

    pub(super) fn n_columns(&self) -> usize {
        self.layout.shape[1]
    }

    pub(super) fn block(&mut self, columns: Range<usize>) -> Result<Array2<f32>> {
        let (n, width) = (self.n_rows(), columns.len());
        let size = self.layout.dtype.size();
        let mut bytes = vec![0; n * width * size];
        // In C order a block is a piece of every row, in Fortran order one run.
        let (pieces, length, stride) = match self.layout.fortran {
            true => (1, n * width * size, 0),
            false => (n, width * size, self.n_columns() * size),
        };
        let first = columns.start * size * if self.layout.fortran { n } else { 1 };
        for piece in 0..pieces {
            let target = &mut bytes[piece * length..(piece + 1) * length];
            self.read_at((first + piece * stride) as u64, target)?;
        }
        let layout = Layout { shape: vec![n, width], ..self.layout.clone() };
        let elements = Elements { name: &self.name, reader: &mut Cursor::new(bytes), sure: true };
        let array = elements.array::<f32>(&layout, n * width)?.into_dimensionality::<Ix2>();
        let array = array.map_err(|e| elinvar_core::Error::internal(e.to_string()))?;
        Ok(array.t().as_standard_layout().into_owned())
    }

    fn read_at(&mut self, offset: u64, target: &mut [u8]) -> Result<()> {
        let read = self.file.seek(SeekFrom::Start(self.start + offset)).and_then(|_| self.file.read_exact(target));
        read.map_err(|e| self.name.io(e))
    }
}
