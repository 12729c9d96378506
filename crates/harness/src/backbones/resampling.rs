//! By which kernel a checkpoint's own preprocessing brings images to size, as its files say it.
//!
//! ```text
//! preprocessor_config.json   resample       as Pillow numbers its filters: 2 bilinear, 3 bicubic
//! open_clip_config.json      interpolation  in preprocess_cfg, by name
//! ```
//!
//! What a file leaves open is as in the library that reads it: bicubic, and bilinear for a ViT. Where there is no such file,
//! nothing is known of the pixels, which are taken as they come; they are brought to size bilinearly.

use reprogram_models::{ConfigError, HubConfig, HubFiles};

use crate::resample::Kernel;

/// Families whose preprocessor is bicubic unless it says else: those of `CLIPImageProcessor`, `SiglipImageProcessor`,
/// `DeiTImageProcessor` and `BitImageProcessor`.
const BICUBIC: [&str; 4] = ["clip", "siglip", "deit", "dinov2"];

/// What the files of a folder say, or the name of that which cannot be followed and why.
pub(super) fn of_files(files: &HubFiles) -> Result<Kernel, (&'static str, ConfigError)> {
    const PREPROCESSOR: &str = "preprocessor_config.json";
    const OPEN_CLIP: &str = "open_clip_config.json";
    match (files.get("config.json"), files.get(PREPROCESSOR), files.get(OPEN_CLIP)) {
        (Some(config), Some(preprocessor), _) => of_hub(config, preprocessor).map_err(|error| (PREPROCESSOR, error)),
        (None, _, Some(config)) => of_open_clip(config).map_err(|error| (OPEN_CLIP, error)),
        (Some(_), None, _) | (None, _, None) => Ok(Kernel::Bilinear),
    }
}

fn of_hub(config: &[u8], preprocessor: &[u8]) -> Result<Kernel, ConfigError> {
    match HubConfig::parse(preprocessor)?.optional::<u32>("resample")? {
        Some(2) => Ok(Kernel::Bilinear),
        Some(3) => Ok(Kernel::Bicubic),
        Some(other) => Err(unsupported("resample", other.to_string(), "2 (bilinear) or 3 (bicubic)")),
        None => {
            let family: Option<String> = HubConfig::parse(config)?.optional("model_type")?;
            Ok(if family.is_some_and(|family| BICUBIC.contains(&family.as_str())) { Kernel::Bicubic } else { Kernel::Bilinear })
        }
    }
}

fn of_open_clip(config: &[u8]) -> Result<Kernel, ConfigError> {
    let stated = match HubConfig::parse(config)?.section("preprocess_cfg")? {
        Some(mut preprocess) => preprocess.optional::<String>("interpolation")?,
        None => None,
    };
    match stated.as_deref() {
        None | Some("bicubic") => Ok(Kernel::Bicubic),
        Some("bilinear") => Ok(Kernel::Bilinear),
        Some(other) => Err(unsupported("interpolation", other.to_owned(), "bilinear or bicubic")),
    }
}

fn unsupported(key: &str, found: String, supported: &str) -> ConfigError {
    ConfigError::Unsupported { key: key.to_owned(), found, supported: supported.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::fs;
    use std::path::Path;

    use burn::tensor::Device;
    use reprogram_models::{Pixels, Storage};

    use super::*;
    use crate::backbones::load_folder;

    fn of(files: &[(&str, &str)]) -> Result<Kernel, String> {
        let find = |name: &str| files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.as_bytes().to_vec());
        let files = HubFiles::collect(|name| Ok::<_, Infallible>(find(name))).unwrap();
        of_files(&files).map_err(|(file, error)| format!("{file}: {error}"))
    }

    #[test]
    fn a_folder_is_loaded_with_what_it_declares() {
        let (fixture, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/clip"), tempfile::tempdir().unwrap());
        for file in ["config.json", "model.safetensors"] {
            fs::copy(fixture.join(file), folder.path().join(file)).unwrap();
        }
        let preprocessor = r#"{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 3}"#;
        fs::write(folder.path().join("preprocessor_config.json"), preprocessor).unwrap();
        let kernel = |pixels| load_folder(folder.path(), pixels, Storage::Floats, &Device::flex()).unwrap().kernel;
        assert_eq!([kernel(Pixels::Raw), kernel(Pixels::Normalised)], [Kernel::Bicubic, Kernel::Bilinear]);
    }

    #[test]
    fn what_is_declared_is_what_is_said() {
        let hub = |family: &str, preprocessor: &str| {
            let config = format!(r#"{{"model_type": "{family}"}}"#);
            of(&[("config.json", &config), ("preprocessor_config.json", preprocessor)])
        };
        assert_eq!([hub("clip", r#"{"resample": 3}"#), hub("vit", r#"{"resample": 3}"#)], [Ok(Kernel::Bicubic), Ok(Kernel::Bicubic)]);
        assert_eq!([hub("clip", r#"{"resample": 2}"#), hub("vit", r#"{"resample": 2}"#)], [Ok(Kernel::Bilinear), Ok(Kernel::Bilinear)]);
        assert_eq!([hub("clip", "{}"), hub("vit", r#"{"resample": null}"#)], [Ok(Kernel::Bicubic), Ok(Kernel::Bilinear)]);
        let open_clip = |text: &str| of(&[("open_clip_config.json", text)]);
        assert_eq!(open_clip(r#"{"preprocess_cfg": {"interpolation": "bilinear"}}"#), Ok(Kernel::Bilinear));
        assert_eq!([open_clip(r#"{"preprocess_cfg": {}}"#), open_clip("{}")], [Ok(Kernel::Bicubic), Ok(Kernel::Bicubic)]);
        assert_eq!(of(&[("config.json", r#"{"model_type": "clip"}"#)]), Ok(Kernel::Bilinear), "nothing is said of pixels");
        let errors = [hub("clip", r#"{"resample": 1}"#), open_clip(r#"{"preprocess_cfg": {"interpolation": "random"}}"#)];
        insta::assert_snapshot!(errors.map(Result::unwrap_err).join("\n"), @r"
        preprocessor_config.json: `resample = 1` is not supported: only 2 (bilinear) or 3 (bicubic) is computed
        open_clip_config.json: `interpolation = random` is not supported: only bilinear or bicubic is computed
        ");
    }
}
