//! Chats as one text, by a model's own template.
//!
//! # Reference
//! The hub's chat templates: Jinja2 in the environment of transformers 5.23 (`render_jinja_template`): blocks are trimmed,
//! `{% generation %}` marks nothing, `tojson` writes as Python does, methods of Python's texts and mappings exist. Deviation:
//! `strftime_now` tells the date that the caller gives, so that a rendered chat can be made again.

mod date;
mod json;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, context};
use serde::Deserialize;

pub use date::ChatDate;

use super::{TextTokenizer, TokenizerError};
use crate::weights::{Gguf, MetadataValue};

/// A template comes from strangers: what it may do before it is stopped.
const FUEL: u64 = 10_000_000;
const NAME: &str = "chat";

/// One turn of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// `system`, `user` or `assistant`, where the template knows no others.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl ChatMessage {
    /// A message.
    pub fn new(role: &str, content: &str) -> Self {
        Self { role: role.to_owned(), content: content.to_owned() }
    }

    fn as_value(&self) -> Value {
        Value::from_pairs([("role", self.role.as_str()), ("content", self.content.as_str())])
    }
}

/// What stands behind the last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatEnd {
    /// The opening of the assistant's turn, for a model to go on (`add_generation_prompt`).
    AssistantsTurn,
    /// Nothing.
    Nothing,
}

/// What a template may ask for beside the messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChatContext<'a> {
    /// `bos_token`
    pub bos: Option<&'a str>,
    /// `eos_token`
    pub eos: Option<&'a str>,
    /// Today, for `strftime_now`.
    pub date: Option<ChatDate>,
}

/// A template that cannot be read, or messages that it does not take.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// Not Jinja2.
    #[error("the chat template cannot be parsed: {0}")]
    Syntax(String),
    /// The template's own words.
    #[error("the chat template refuses these messages: {0}")]
    Refused(String),
    /// It failed.
    #[error("the chat template fails: {0}")]
    Failed(String),
    /// The file that should hold it.
    #[error("no chat template can be read from {file}: {reason}")]
    File {
        /// Which.
        file: &'static str,
        /// Why.
        reason: String,
    },
    /// The tokens that it writes.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// What `raise_exception` raised.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

/// A chat template, parsed.
pub struct ChatTemplate {
    environment: Environment<'static>,
}

impl ChatTemplate {
    /// Reads the text of a template (`chat_template.jinja`).
    pub fn parse(template: &str) -> Result<Self, ChatError> {
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        let syntax = syntax.map_err(|error| ChatError::Syntax(error.to_string()))?;
        let mut environment = Environment::new();
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_formatter(|out, state, value| match value.kind() {
            minijinja::value::ValueKind::Bool => Ok(out.write_str(if value.is_true() { "True" } else { "False" })?),
            minijinja::value::ValueKind::None => Ok(out.write_str("None")?),
            _ => minijinja::escape_formatter(out, state, value),
        });
        environment.add_filter("tojson", json::tojson);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
        });
        environment.add_template_owned(NAME, without_generation_marks(template)).map_err(|error| ChatError::Syntax(error.to_string()))?;
        Ok(Self { environment })
    }

    /// The template in a `tokenizer_config.json`: the only one, or the one of this name (`default`, where none is given).
    pub fn from_tokenizer_config(json: &[u8], name: Option<&str>) -> Result<Option<Self>, ChatError> {
        #[derive(Deserialize)]
        struct Named {
            name: String,
            template: String,
        }
        #[derive(Deserialize)]
        struct Config {
            chat_template: Option<serde_json::Value>,
        }
        let damaged = |reason: String| ChatError::File { file: "tokenizer_config.json", reason };
        let config: Config = serde_json::from_slice(json).map_err(|error| damaged(error.to_string()))?;
        let wanted = name.unwrap_or("default");
        let templates = match config.chat_template {
            None | Some(serde_json::Value::Null) => return Ok(None),
            Some(serde_json::Value::String(template)) => vec![Named { name: "default".to_owned(), template }],
            Some(list) => serde_json::from_value::<Vec<Named>>(list).map_err(|error| damaged(format!("`chat_template`: {error}")))?,
        };
        let Some(template) = templates.iter().find(|template| template.name == wanted) else {
            let names: Vec<&str> = templates.iter().map(|template| template.name.as_str()).collect();
            return Err(damaged(format!("it has none named `{wanted}`, only {}", names.join(", "))));
        };
        Self::parse(&template.template).map(Some)
    }

    /// The template in a GGUF file's metadata: the one of this name, or the one without a name.
    pub fn from_gguf(gguf: &Gguf<'_>, name: Option<&str>) -> Result<Option<Self>, ChatError> {
        const KEY: &str = "tokenizer.chat_template";
        let key = name.map_or_else(|| KEY.to_owned(), |name| format!("{KEY}.{name}"));
        match gguf.get(&key) {
            None => Ok(None),
            Some(MetadataValue::Text(template)) => Self::parse(template).map(Some),
            Some(_) => Err(ChatError::File { file: "the GGUF metadata", reason: format!("`{key}` is no text") }),
        }
    }

    /// The messages as one text.
    pub fn render(&self, messages: &[ChatMessage], end: ChatEnd, with: ChatContext<'_>) -> Result<String, ChatError> {
        let date = with.date;
        let now = Value::from_function(move |format: String| -> Result<String, Error> {
            let none = || Error::new(ErrorKind::InvalidOperation, "the template asks for the date, and none was given");
            date.ok_or_else(none)?.format(&format).map_err(|reason| Error::new(ErrorKind::InvalidOperation, reason))
        });
        let optional = |text: Option<&str>| text.map_or(Value::UNDEFINED, Value::from);
        let context = context! {
            messages => messages.iter().map(ChatMessage::as_value).collect::<Vec<Value>>(),
            add_generation_prompt => end == ChatEnd::AssistantsTurn,
            bos_token => optional(with.bos),
            eos_token => optional(with.eos),
            tools => (),
            documents => (),
            strftime_now => now,
        };
        let template = self.environment.get_template(NAME).expect("it was added when it was parsed");
        template.render(context).map_err(|error| raised(&error).unwrap_or_else(|| ChatError::Failed(error.to_string())))
    }
}

impl TextTokenizer {
    /// A chat in tokens, rendered with the tokenizer's own beginning- and end-of-text tokens.
    ///
    /// Nothing is put around it: a template writes itself what begins a text, so that this is never there twice.
    pub fn encode_chat(
        &self,
        template: &ChatTemplate,
        messages: &[ChatMessage],
        end: ChatEnd,
        date: Option<ChatDate>,
    ) -> Result<Vec<u32>, ChatError> {
        let special = self.special_tokens();
        let text = |id: Option<u32>| id.and_then(|id| self.token(id));
        let (bos, eos) = (text(special.bos), text(special.eos));
        let context = ChatContext { bos: bos.as_deref(), eos: eos.as_deref(), date };
        Ok(self.encode(&template.render(messages, end, context)?))
    }
}

/// What the template itself raised, if it did.
fn raised(error: &Error) -> Option<ChatError> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(Raised(message)) = inner.downcast_ref() {
            return Some(ChatError::Refused(message.clone()));
        }
        source = inner.source();
    }
    None
}

/// `{% generation %}` and its end, which mark what an assistant said, become blocks that do nothing.
fn without_generation_marks(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let (before, from) = rest.split_at(start);
        let (tag, after) = from.split_at(length + 2);
        out.push_str(before);
        let inner = &tag[2..tag.len() - 2];
        out.push_str(&match inner.trim_matches(['-', '+']).trim() {
            "generation" => tag.replacen("generation", "if true", 1),
            "endgeneration" => tag.replacen("endgeneration", "endif", 1),
            _ => tag.to_owned(),
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_templates_and_messages_say_what_is_wrong() {
        let render = |template: &str| {
            let message = [ChatMessage::new("user", "hi")];
            ChatTemplate::parse(template)?.render(&message, ChatEnd::Nothing, ChatContext::default())
        };
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}";
        let config = |json: &str, name| ChatTemplate::from_tokenizer_config(json.as_bytes(), name).map(|_| String::new());
        let list = r#"{"chat_template": [{"name": "default", "template": "a"}, {"name": "rag", "template": "b"}]}"#;
        let cases = [
            render("{% for message in messages %}"),
            render("{{ raise_exception('no system role') }}"),
            render("{{ messages[0].content.frobnicate() }}"),
            render("{{ strftime_now('%Y') }}"),
            render("{{ messages | tojson(separators=[',', ':']) }}"),
            render(endless),
            config("[", None),
            config(r#"{"chat_template": 3}"#, None),
            config(list, Some("tool_use")),
        ];
        let first_line = |case: Result<String, ChatError>| case.unwrap_err().to_string().lines().next().unwrap_or_default().to_owned();
        insta::assert_snapshot!(cases.map(first_line).join("\n"));
        assert!(ChatTemplate::from_tokenizer_config(b"{}", None).unwrap().is_none());
        assert!(ChatTemplate::from_tokenizer_config(list.as_bytes(), Some("rag")).unwrap().is_some());
    }
}
