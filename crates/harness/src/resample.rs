//! Images at other sizes, as Pillow makes them: a kernel that is widened by the factor of a reduction, so that nothing aliases.
//!
//! The kernel is a triangle (bilinear) or Catmull and Rom's cubic, a = −1/2 (bicubic); weights `k((i − c) / max(1, r))` around the
//! centre `c = (j + 1/2) r − 1/2` of an output pixel j, r = input / output, add up to one. That is torchvision's `antialias=True`, and the
//! preprocessing of CLIP (bicubic) and ViT (bilinear). `tests/fixtures/resample` holds Pillow's own pixels.

use image::imageops::{FilterType, crop_imm, resize};
use image::{ImageBuffer, Luma, RgbImage};
use serde::Serialize;

/// The kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// A triangle.
    Bilinear,
    /// A cubic.
    Bicubic,
}

impl Kernel {
    const fn filter(self) -> FilterType {
        match self {
            Self::Bilinear => FilterType::Triangle,
            Self::Bicubic => FilterType::CatmullRom,
        }
    }
}

/// One colour channel of numbers in `0..=1`, stretched to another height and width.
///
/// # Panics
/// If it has not as many pixels as `from` says.
pub fn resized(plane: Vec<f32>, from: [usize; 2], to: [usize; 2], kernel: Kernel) -> Vec<f32> {
    let buffer: ImageBuffer<Luma<f32>, Vec<f32>> =
        ImageBuffer::from_raw(from[1] as u32, from[0] as u32, plane).expect("an image has as many pixels as it says");
    resize(&buffer, to[1] as u32, to[0] as u32, kernel.filter()).into_raw()
}

/// The middle of an image, a square of this edge, after its shorter edge was brought to that length.
///
/// The longer edge is rounded down, and a middle between two pixels goes to the even one, as in torchvision's `Resize` and `CenterCrop`.
pub fn middle_square(image: &RgbImage, edge: u32, kernel: Kernel) -> RgbImage {
    let (width, height) = image.dimensions();
    let (short, long) = (width.min(height), width.max(height));
    let longer = (u64::from(edge) * u64::from(long) / u64::from(short)) as u32;
    let (new_width, new_height) = if width <= height { (edge, longer) } else { (longer, edge) };
    let image = stretched(image, [new_height, new_width], kernel);
    crop_imm(&image, half(new_width - edge), half(new_height - edge), edge, edge).to_image()
}

/// An image of bytes, stretched across and then down, or, where only its height shrinks, down and then across. Both times, what a cubic overshoots
/// is cut off and the rest is rounded, as Pillow does it.
fn stretched(image: &RgbImage, [height, width]: [u32; 2], kernel: Kernel) -> RgbImage {
    let between = if width > image.width() && height < image.height() { (image.width(), height) } else { (width, image.height()) };
    let once = resize(image, between.0, between.1, kernel.filter());
    resize(&once, width, height, kernel.filter())
}

/// Half of it, to the even neighbour where it lies between two.
const fn half(n: u32) -> u32 {
    n / 2 + ((n % 4 == 3) as u32)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    pub(crate) struct Reference {
        pub(crate) source: Source,
        pub(crate) resized: Vec<Resized>,
        cropped: Vec<Cropped>,
        decoded: Vec<Decoded>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Source {
        pub(crate) height: usize,
        pub(crate) width: usize,
        pub(crate) bytes: Vec<u8>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Resized {
        pub(crate) filter: String,
        pub(crate) height: usize,
        pub(crate) width: usize,
        pub(crate) floats: Vec<f32>,
        bytes: Vec<u8>,
    }

    #[derive(Deserialize)]
    struct Cropped {
        height: u32,
        width: u32,
        edge: u32,
        bytes: Vec<u8>,
        expected: Vec<u8>,
    }

    #[derive(Deserialize)]
    struct Decoded {
        file: String,
        expected: Vec<u8>,
    }

    /// Pillow's pixels.
    pub(crate) fn reference() -> Reference {
        serde_json::from_str(include_str!("../tests/fixtures/resample/reference.json")).unwrap()
    }

    fn kernel(name: &str) -> Kernel {
        match name {
            "bilinear" => Kernel::Bilinear,
            "bicubic" => Kernel::Bicubic,
            other => panic!("{other}"),
        }
    }

    fn furthest(found: &[f32], expected: &[f32]) -> f32 {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
    }

    fn furthest_level(found: &[u8], expected: &[u8]) -> u8 {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).fold(0, |most, (a, b)| most.max(a.abs_diff(*b)))
    }

    #[test]
    fn numbers_are_pillows() {
        let Reference { source, resized: cases, .. } = reference();
        let plane: Vec<f32> = source.bytes.iter().map(|&level| f32::from(level) / 255.0).collect();
        for case in &cases {
            let found = resized(plane.clone(), [source.height, source.width], [case.height, case.width], kernel(&case.filter));
            // Pillow does not clamp what a cubic overshoots; pixels of an image are clamped.
            let expected: Vec<f32> = case.floats.iter().map(|value| value.clamp(0.0, 1.0)).collect();
            let off = furthest(&found, &expected);
            assert!(off < 1e-5, "{} to {} x {}: {off}", case.filter, case.height, case.width);
        }
    }

    #[test]
    fn bytes_are_pillows() {
        let Reference { source, resized: cases, .. } = reference();
        let image = RgbImage::from_fn(source.width as u32, source.height as u32, |x, y| {
            image::Rgb([source.bytes[y as usize * source.width + x as usize]; 3])
        });
        for case in &cases {
            let found = stretched(&image, [case.height as u32, case.width as u32], kernel(&case.filter));
            let found: Vec<u8> = found.pixels().map(|pixel| pixel.0[0]).collect();
            let off = furthest_level(&found, &case.bytes);
            assert!(off <= 1, "{} to {} x {}: {off} levels", case.filter, case.height, case.width);
        }
    }

    #[test]
    fn the_middle_is_torchvisions() {
        for case in &reference().cropped {
            let image = RgbImage::from_raw(case.width, case.height, case.bytes.clone()).unwrap();
            let found = middle_square(&image, case.edge, Kernel::Bicubic);
            let off = furthest_level(found.as_raw(), &case.expected);
            assert!(off <= 1, "{} x {} to {}: {off} levels", case.height, case.width, case.edge);
        }
    }

    #[test]
    fn files_are_decoded_as_pillow_decodes_them() {
        let files: [(&str, &[u8]); 2] = [
            ("photo-444.jpg", include_bytes!("../tests/fixtures/resample/photo-444.jpg")),
            ("photo-420.jpg", include_bytes!("../tests/fixtures/resample/photo-420.jpg")),
        ];
        // Where colour has half of the pixels, ways to bring it back differ.
        for (case, most) in reference().decoded.iter().zip([2, 5]) {
            let (_, bytes) = files.iter().find(|(name, _)| *name == case.file).unwrap();
            let found = image::load_from_memory(bytes).unwrap().to_rgb8();
            let off = furthest_level(found.as_raw(), &case.expected);
            assert!(off <= most, "{}: {off} levels", case.file);
        }
    }

    #[test]
    fn a_half_goes_to_the_even_side() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(half), [0, 0, 1, 2, 2, 2, 3, 4]);
    }
}
