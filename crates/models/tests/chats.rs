//! Chat templates against the reference's texts and ids. `scripts/make_chats.py` makes the small ones; SmolLM2's own needs
//! its GGUF file and the reference's chat (`REPROGRAM_SMOLLM2_GGUF`, `REPROGRAM_SMOLLM2_GOLDENS`), and says when it did not
//! run.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and says what it measured")]

use std::path::{Path, PathBuf};

use reprogram_models::weights::Gguf;
use reprogram_models::{ChatContext, ChatDate, ChatEnd, ChatError, ChatMessage, ChatTemplate, TextTokenizer};
use serde_json::Value;

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn messages(value: &Value) -> Vec<ChatMessage> {
    let text = |message: &Value, key: &str| message[key].as_str().unwrap().to_owned();
    value.as_array().unwrap().iter().map(|turn| ChatMessage::new(&text(turn, "role"), &text(turn, "content"))).collect()
}

#[test]
fn every_style_of_template() {
    let config = fixture("tokenizers/byte_level.config.json");
    let tokenizer = TextTokenizer::from_tokenizer_json(&fixture("tokenizers/byte_level.json"), Some(&config)).unwrap();
    let today = ChatDate::new(2024, 7, 5);
    let styles: Value = serde_json::from_slice(&fixture("chats.json")).unwrap();
    for style in styles.as_array().unwrap() {
        let (name, template) = (style["name"].as_str().unwrap(), ChatTemplate::parse(style["template"].as_str().unwrap()).unwrap());
        let cases = style["cases"].as_array().unwrap();
        for case in cases {
            let messages = messages(&case["messages"]);
            let end = if case["add_generation_prompt"].as_bool().unwrap() { ChatEnd::AssistantsTurn } else { ChatEnd::Nothing };
            let with = ChatContext { bos: Some("<|begin_of_text|>"), eos: Some("<|end_of_text|>"), date: today };
            let found = template.render(&messages, end, with);
            if let Some(refusal) = case["error"].as_str() {
                assert!(matches!(&found, Err(ChatError::Refused(said)) if said == refusal), "{name}: {found:?}");
                continue;
            }
            assert_eq!(found.unwrap(), case["text"].as_str().unwrap(), "{name}");
            let tokens = tokenizer.encode_chat(&template, &messages, end, today).unwrap();
            assert_eq!(tokens, ids(&case["ids"]), "{name}");
            let n_bos = tokens.iter().filter(|&&id| id == tokenizer.bos().unwrap()).count();
            assert_eq!(n_bos, usize::from(["llama3", "gemma", "mistral"].contains(&name)), "{name}: what begins a text is there once");
        }
        println!("{name}: {} chats equal", cases.len());
    }
}

#[test]
fn smollm2s_own_template() {
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    let Some((file, goldens)) = path("REPROGRAM_SMOLLM2_GGUF").zip(path("REPROGRAM_SMOLLM2_GOLDENS")) else {
        println!("not run: REPROGRAM_SMOLLM2_GGUF and REPROGRAM_SMOLLM2_GOLDENS are not set");
        return;
    };
    let bytes = std::fs::read(file).unwrap();
    let gguf = Gguf::parse(&bytes).unwrap();
    let expected: Value = serde_json::from_slice(&std::fs::read(goldens.join("chat.json")).unwrap()).unwrap();
    let template = ChatTemplate::from_gguf(&gguf, None).unwrap().unwrap();
    let chat = [ChatMessage::new("user", "Name three fruits that are red.")];
    let text = template.render(&chat, ChatEnd::AssistantsTurn, ChatContext::default()).unwrap();
    assert_eq!(text, expected["rendered"].as_str().unwrap());
    let tokens = TextTokenizer::from_gguf(&gguf).unwrap().encode_chat(&template, &chat, ChatEnd::AssistantsTurn, None).unwrap();
    assert_eq!(tokens, ids(&expected["ids"]));
    println!("{} tokens equal", tokens.len());
    assert!(ChatTemplate::from_gguf(&gguf, Some("tool_use")).unwrap().is_none());
}
