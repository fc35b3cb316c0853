//! Folders of images: a folder a class, or images alone (PNG, JPEG).

use crate::source::Name;
use elinvar_core::{Column, Error, Result};
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader};
use ndarray::Array4;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The images of a folder, in the order of their names; none of them is read yet.
#[derive(Clone, Debug)]
pub struct ImageFolder {
    classes: Vec<String>,
    files: Vec<PathBuf>,
    /// Class of every image, where folders are classes.
    codes: Vec<usize>,
}

impl ImageFolder {
    /// Lists the images of `path/<class>/...`, or of `path` itself where it has no folders.
    ///
    /// # Errors
    /// When the folder cannot be read, holds no image, or holds images beside folders of classes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (folders, files) = entries(path)?;
        if folders.is_empty() {
            return Self { classes: Vec::new(), codes: Vec::new(), files }.not_empty(path);
        }
        if let Some(file) = files.first() {
            return Err(Error::file(file, "lies beside folders of classes").hint("move it into the folder of its class"));
        }
        let (mut classes, mut codes, mut files) = (Vec::new(), Vec::new(), Vec::new());
        for folder in folders {
            let (_, of_class) = entries(&folder)?;
            codes.extend(std::iter::repeat_n(classes.len(), of_class.len()));
            files.extend(of_class);
            classes.push(folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default());
        }
        Self { classes, files, codes }.not_empty(path)
    }

    fn not_empty(self, path: &Path) -> Result<Self> {
        match self.files.is_empty() {
            true => Err(Error::file(path, "holds no image").hint("images are .png, .jpg or .jpeg, a folder a class")),
            false => Ok(self),
        }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none; [`Self::open`] refuses that.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Names of the classes, in order; empty where images lie in no folders.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Class of every image by its place among the classes.
    pub fn codes(&self) -> &[usize] {
        &self.codes
    }

    /// Class of every image by name, where folders are classes.
    pub fn labels(&self) -> Option<Column> {
        let names = || self.codes.iter().map(|&code| Some(self.classes[code].clone())).collect();
        (!self.classes.is_empty()).then(|| Column::Text(names()))
    }

    /// Pixels (n, channels, height, width) of some of the images: three channels where the first image of the folder has colours, else one.
    ///
    /// With a size, the shorter side is scaled (bicubic) to 8/7 of it, and the square in the middle is cut out.
    ///
    /// # Errors
    /// An image that cannot be read, or that has another size than the first.
    pub fn read(&self, which: Range<usize>, size: Option<usize>) -> Result<Array4<u8>> {
        let colours = open(&self.files[0])?.color().has_color();
        let mut pixels = Vec::new();
        let mut shape = None;
        for file in &self.files[which.clone()] {
            let image = match size {
                Some(size) => fitted(&open(file)?, size),
                None => open(file)?,
            };
            let this = (image.height() as usize, image.width() as usize);
            let known = *shape.get_or_insert(this);
            if this != known {
                let message = format!("has {}x{} pixels, the first image {}x{}", this.0, this.1, known.0, known.1);
                return Err(Error::file(file, message).hint("give images of one size, or a size to bring them to"));
            }
            push(&image, colours, &mut pixels);
        }
        let (height, width) = shape.unwrap_or_default();
        let shape = (which.len(), if colours { 3 } else { 1 }, height, width);
        Array4::from_shape_vec(shape, pixels).map_err(|e| Error::internal(e.to_string()))
    }
}

/// Folders and images of a folder by name.
fn entries(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let name = Name::new(path.display().to_string());
    let read = std::fs::read_dir(path).map_err(|e| name.io(e))?;
    let mut all = read.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>().map_err(|e| name.io(e))?;
    all.sort();
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = all.into_iter().partition(|path| path.is_dir());
    let is_image = |path: &PathBuf| {
        let extension = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
        extension.is_some_and(|end| matches!(end.as_str(), "png" | "jpg" | "jpeg"))
    };
    Ok((folders, files.into_iter().filter(is_image).collect()))
}

/// An image, whatever its extension says; the decoder refuses sizes that would take too much memory.
fn open(file: &Path) -> Result<DynamicImage> {
    let reader = ImageReader::open(file).and_then(ImageReader::with_guessed_format).map_err(|e| Error::file(file, e))?;
    reader.decode().map_err(|e| Error::file(file, crate::source::one_line(e)))
}

/// The middle square of an image whose shorter side is scaled to 8/7 of it.
fn fitted(image: &DynamicImage, size: usize) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let shorter = (size as f64 * 8.0 / 7.0).round().max(1.0);
    let scale = shorter / f64::from(width.min(height));
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(size as u32);
    let (width, height) = (scaled(width), scaled(height));
    let size = size as u32;
    image.resize_exact(width, height, FilterType::CatmullRom).crop_imm((width - size) / 2, (height - size) / 2, size, size)
}

/// Adds the pixels channel by channel.
fn push(image: &DynamicImage, colours: bool, pixels: &mut Vec<u8>) {
    if !colours {
        return pixels.extend(image.to_luma8().into_raw());
    }
    let rgb = image.to_rgb8().into_raw();
    (0..3).for_each(|channel| pixels.extend(rgb.iter().skip(channel).step_by(3)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};

    #[test]
    fn folders_are_classes_and_pixels_come_channel_by_channel() {
        let folder = tempfile::tempdir().unwrap();
        for (class, red) in [("cat", 10), ("ant", 200)] {
            std::fs::create_dir(folder.path().join(class)).unwrap();
            let image = RgbImage::from_fn(3, 2, |x, y| Rgb([red, x as u8, y as u8]));
            image.save(folder.path().join(class).join("one.png")).unwrap();
        }
        let images = ImageFolder::open(folder.path()).unwrap();
        assert_eq!((images.len(), images.classes(), images.codes()), (2, &["ant".to_owned(), "cat".to_owned()][..], &[0, 1][..]));
        let pixels = images.read(0..2, None).unwrap();
        assert_eq!(pixels.dim(), (2, 3, 2, 3));
        assert_eq!((pixels[[0, 0, 1, 2]], pixels[[1, 0, 0, 0]], pixels[[0, 1, 1, 2]], pixels[[0, 2, 1, 2]]), (200, 10, 2, 1));
        assert_eq!(images.read(1..2, Some(7)).unwrap().dim(), (1, 3, 7, 7));
    }

    #[test]
    fn images_alone_have_no_classes_and_one_size() {
        let folder = tempfile::tempdir().unwrap();
        let message = |what: Result<ImageFolder>| what.unwrap_err().to_string();
        assert!(message(ImageFolder::open(folder.path())).contains("holds no image"));
        for (name, side) in [("a.png", 4), ("b.png", 5)] {
            GrayImage::from_pixel(side, side, Luma([7])).save(folder.path().join(name)).unwrap();
        }
        let images = ImageFolder::open(folder.path()).unwrap();
        assert!(images.labels().is_none());
        assert_eq!(images.read(0..1, None).unwrap(), Array4::from_elem((1, 1, 4, 4), 7));
        let error = images.read(0..2, None).unwrap_err().to_string();
        assert!(error.contains("has 5x5 pixels, the first image 4x4"), "{error}");
        std::fs::create_dir(folder.path().join("class")).unwrap();
        assert!(message(ImageFolder::open(folder.path())).contains("lies beside folders of classes"));
        std::fs::remove_dir(folder.path().join("class")).unwrap();
        std::fs::write(folder.path().join("a.png"), b"no image").unwrap();
        assert!(images.read(0..1, None).is_err());
    }
}
