//! Encoder of recordings: a log-mel spectrogram and a convolutional network over windows of it, of which inputs and outputs
//! alone can be reached.
//!
//! ```text
//! recording → log-mel frames, 100 a second → windows of 76 frames, each 8 after the one before → 96 features a window → mean
//! ```
//!
//! The two files hold no labels. A head of one's own, [`Acoustic::with_head`], makes a classifier of it.
//!
//! Both graphs are read from their ONNX files, weights and rules alike; a graph of another form is refused. What no graph
//! says is stated in [`AcousticConfig`].
//!
//! # Reference
//! Lin et al., arXiv 2002.01322 (the network); openWakeWord, whose two files these are.

mod config;
mod head;
mod mel;
mod network;

use burn::tensor::{Device, Tensor, TensorData};
use reprogram_taxonomy::{Access, Card, Extent, InputSpace, OutputSpace, Tower, TowerCard};

use config::{AMPLITUDE, RATE, WINDOW_STEP};
pub use config::{AcousticConfig, AcousticError};
use head::Head;
use mel::Mel;
use network::Network;

use crate::weights::{Loader, Onnx, Weights};
use crate::{Arithmetic, Backbone, BlockWork, Frozen, Input, Reading, Stream, TextTokenizer};

impl AcousticConfig {
    fn card(&self, name: &str) -> Card {
        let dim = self.network.dim;
        let input = InputSpace::Waveform { samples: self.samples, rate: RATE };
        Card {
            name: name.to_owned(),
            access: Access::InputOnly,
            extent: Extent::Fixed,
            main: TowerCard { tower: Tower::Acoustic, depth: 0, dim, input },
            second: None,
            output: OutputSpace::Features { dim },
        }
    }
}

/// A frozen encoder of recordings.
pub struct Acoustic {
    mel: Frozen<Mel>,
    network: Frozen<Network>,
    window: usize,
    n_windows: usize,
    head: Option<Head>,
    card: Card,
}

impl Acoustic {
    /// Reads both graphs: `mel` makes the spectrogram, `network` the features. Recordings have `samples` samples.
    pub fn from_onnx(mel: &[u8], network: &[u8], samples: usize, name: &str, device: &Device) -> Result<Self, AcousticError> {
        let (mel, network) = (Onnx::parse(mel)?, Onnx::parse(network)?);
        let config = AcousticConfig::from_onnx(&mel, &network, samples)?;
        Self::load(&config, name, mel.weights(), network.weights(), device)
    }

    /// Reads the weights of both graphs.
    pub fn load(
        config: &AcousticConfig,
        name: &str,
        mel: Weights<'_>,
        network: Weights<'_>,
        device: &Device,
    ) -> Result<Self, AcousticError> {
        let mut loader = Loader::new(mel.without(|name| config.mel.constants.iter().any(|constant| constant == name)), device);
        let mel = Mel::load(&mut loader, &config.mel);
        loader.finish()?;
        let mut loader = Loader::new(network.without(|name| config.network.constants.iter().any(|constant| constant == name)), device);
        let network = Network::load(&mut loader, &config.network);
        loader.finish()?;
        let (mel, network) = (Frozen::new(mel), Frozen::new(network));
        Ok(Self { mel, network, window: config.network.window, n_windows: config.n_windows(), head: None, card: config.card(name) })
    }

    /// The same with labels: an affine map from features, of tensors `head.weight` and `head.bias`.
    pub fn with_head(mut self, weights: Weights<'_>) -> Result<Self, AcousticError> {
        let head = Head::load(weights, self.card.main.dim, &self.mel.device())?;
        self.card.output = OutputSpace::Classes { n: head.n_classes };
        self.head = Some(head);
        Ok(self)
    }

    /// Samples in −1..=1, `[batch, sample]`, to windows of features, `[batch, window, dim]`.
    fn windows(&self, waveform: Tensor<2>) -> Tensor<3> {
        let frames = self.mel.forward(waveform.mul_scalar(AMPLITUDE));
        let [batch, _, n_mels] = frames.dims();
        // The scale that the network was trained on.
        let frames = frames.div_scalar(10.0).add_scalar(2.0);
        let window = |i| frames.clone().narrow(1, i * WINDOW_STEP, self.window).unsqueeze_dim::<4>(1);
        let windows = Tensor::cat((0..self.n_windows).map(window).collect(), 1);
        let features = self.network.forward(windows.reshape([batch * self.n_windows, 1, self.window, n_mels]));
        features.reshape([batch, self.n_windows, self.card.main.dim])
    }
}

impl Arithmetic for Acoustic {
    fn embed_macs(&self, input: &Input) -> u64 {
        let Input::Waveform(waveform) = input else { return 0 };
        let [batch, samples] = waveform.dims();
        let (n_mels, spectrogram) = self.mel.macs(samples);
        batch as u64 * (spectrogram + self.n_windows as u64 * self.network.macs([self.window, n_mels]))
    }

    fn block_work(&self, _: Tower, layer: usize) -> BlockWork {
        panic!("block {layer} of a network of which inputs and outputs alone can be reached: Signature::check comes first")
    }

    fn read_macs(&self, _: Tower, rows: usize, _: usize, reading: Reading<'_>) -> u64 {
        match reading {
            Reading::Logits => rows as u64 * self.head.as_ref().map_or(0, |head| head.map.macs()),
            Reading::Features | Reading::LogitsAt(_) => 0,
        }
    }
}

impl Backbone for Acoustic {
    fn card(&self) -> &Card {
        &self.card
    }

    fn device(&self) -> Device {
        self.mel.device()
    }

    fn each_weight(&self, visit: &mut dyn FnMut(TensorData)) {
        self.mel.each_weight(visit);
        self.network.each_weight(visit);
        if let Some(head) = &self.head {
            head.map.each_weight(visit);
        }
    }

    /// Runs the whole network; what can be reached is one token of features a window.
    fn embed(&self, input: Input) -> Stream {
        let Input::Waveform(waveform) = input else { panic!("an acoustic encoder is fed recordings: Signature::check comes first") };
        let [_, samples] = waveform.dims();
        assert_eq!(
            self.card.main.input,
            InputSpace::Waveform { samples, rate: RATE },
            "recordings are cut or filled up before they come here"
        );
        Stream::unpadded(self.windows(waveform), Tower::Acoustic, 0)
    }

    fn block(&self, layer: usize, _: Stream) -> Stream {
        panic!("block {layer} of a network of which inputs and outputs alone can be reached: Signature::check comes first")
    }

    fn read(&self, stream: &Stream, reading: Reading<'_>) -> Tensor<2> {
        let features = stream.mean_tokens(false);
        match (reading, &self.head) {
            (Reading::Features, _) => features,
            (Reading::Logits, Some(head)) => head.map.forward(features),
            (Reading::Logits | Reading::LogitsAt(_), _) => panic!("it has no such labels: Signature::check comes first"),
        }
    }

    fn tokenizer(&self) -> Option<&TextTokenizer> {
        None
    }

    fn token_embeddings(&self) -> Option<Tensor<2>> {
        None
    }
}
