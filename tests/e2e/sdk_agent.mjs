// An agent on the official Node SDKs: makes every kind of call, or calls until it is refused.
//
//   node sdk_agent.mjs FOLDER calls|spend gateway|connect
//
// FOLDER has the SDKs in its node_modules. Prints the number of calls, or what each API raised.

import assert from "node:assert";
import { createRequire } from "node:module";
import process from "node:process";

const [folder, task, way] = process.argv.slice(2);
const require = createRequire(`${folder}/node_modules/`);
const { Anthropic } = require("@anthropic-ai/sdk");
const { OpenAI } = require("openai");
const undici = require("undici");

const CLAUDE = "claude-sonnet-4-5";
const GPT = "gpt-4.1";
const MOST = 1000;
const MOST_TURNS = 3;
const MOST_CALLS = 50;
const PROMPTS = [
  "[[mock: tokens=40]]",
  "[[mock: tokens=50 cache_read=700 cache_write=60]]",
  "[[mock: thinking=30 tokens=20]]",
  "[[mock: tokens=40 encoding=gzip]]",
  "[[mock: tokens=40 write_bytes=7]]",
  '[[mock: tool=weather:{"city": "Oslo"} then text="It is cold."]]',
];
const SPENDING = "[[mock: tokens=60]]";
const WEATHER = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

function clients() {
  if (way === "gateway") return [new Anthropic(), new OpenAI()];
  delete process.env.ANTHROPIC_BASE_URL;
  delete process.env.OPENAI_BASE_URL;
  const fetchOptions = { dispatcher: new undici.EnvHttpProxyAgent() };
  const options = { fetch: undici.fetch, fetchOptions };
  return [new Anthropic(options), new OpenAI(options)];
}

const [claude, gpt] = clients();
console.error(claude.baseURL, gpt.baseURL);

async function messages(said, stream) {
  const tools = [{ name: "weather", description: "Tells.", input_schema: WEATHER }];
  const asked = { model: CLAUDE, max_tokens: MOST, messages: said, tools };
  const reply = stream
    ? await claude.messages.stream(asked).finalMessage()
    : await claude.messages.create(asked);
  const results = reply.content
    .filter((block) => block.type === "tool_use")
    .map((block) => ({ type: "tool_result", tool_use_id: block.id, content: "-3" }));
  const text = reply.content.map((block) => block.text ?? "").join("");
  const more = [
    { role: "assistant", content: reply.content },
    { role: "user", content: results },
  ];
  return [text, results.length ? more : []];
}

async function chat(said, stream) {
  const tools = [{ type: "function", function: { name: "weather", parameters: WEATHER } }];
  const asked = { model: GPT, max_tokens: MOST, messages: said, tools };
  const completion = stream
    ? await gpt.chat.completions.stream(asked).finalChatCompletion()
    : await gpt.chat.completions.create(asked);
  const reply = completion.choices[0].message;
  const called = reply.tool_calls ?? [];
  const results = called.map((call) => ({ role: "tool", tool_call_id: call.id, content: "-3" }));
  return [reply.content ?? "", called.length ? [reply, ...results] : []];
}

async function responses(said, stream) {
  const tools = [{ type: "function", name: "weather", parameters: WEATHER, strict: false }];
  const asked = { model: GPT, max_output_tokens: MOST, input: said, tools, store: false };
  const reply = stream
    ? await gpt.responses.stream(asked).finalResponse()
    : await gpt.responses.create(asked);
  const called = reply.output.filter((item) => item.type === "function_call");
  const results = called.map((item) => ({
    type: "function_call_output",
    call_id: item.call_id,
    output: "-3",
  }));
  const plain = called.map(({ parsed_arguments, ...item }) => item);
  return [reply.output_text ?? "", called.length ? [...plain, ...results] : []];
}

async function converse(ask, prompt, stream) {
  const said = [{ role: "user", content: prompt }];
  for (let turn = 1; turn < MOST_TURNS; turn++) {
    const [text, more] = await ask(said, stream);
    if (!more.length) {
      assert(text, prompt);
      assert.equal(turn === 2, prompt.includes("tool="));
      return turn;
    }
    said.push(...more);
  }
  throw new Error(prompt);
}

async function call() {
  let calls = 0;
  for (const prompt of PROMPTS)
    for (const stream of [false, true])
      for (const ask of [messages, chat, responses]) calls += await converse(ask, prompt, stream);
  console.log(calls);
}

async function spend() {
  for (const ask of [messages, chat, responses])
    for (const stream of [false, true]) {
      let [count, message] = [0, ""];
      try {
        for (; count < MOST_CALLS; count++) await ask([{ role: "user", content: SPENDING }], stream);
      } catch (error) {
        message = String(error);
      }
      console.log(JSON.stringify({ api: ask.name, stream, count, message }));
    }
}

await (task === "calls" ? call() : spend());
