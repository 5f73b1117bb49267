// Does the task with OpenAI's SDK: jobs as JSON on stdin, what came of them on stdout.
// A job is {api, url, key, model, stream}; the api "models" lists them. What came of it is as in
// sdks.expected.
const { readFileSync } = require("node:fs");
const { OpenAI } = require("openai");

const task = JSON.parse(readFileSync(`${__dirname}/task.json`, "utf8"));
const gives = Object.fromEntries(task.tools.map((tool) => [tool.name, tool.gives]));
const declared = task.tools.map(({ gives: _, ...tool }) => tool);

async function chat(client, job) {
  const messages = [
    { role: "system", content: task.system },
    { role: "user", content: task.prompt },
  ];
  const tools = declared.map((tool) => ({ type: "function", function: tool }));
  const ask = async () => {
    const said = { model: job.model, messages, tools };
    if (!job.stream) return client.chat.completions.create(said);
    const options = { include_usage: true };
    const stream = client.chat.completions.stream({ ...said, stream_options: options });
    // The SDK joins the pieces of what it knows; reasoning is not OpenAI's own here.
    let thought = "";
    stream.on("chunk", ({ choices: [choice] }) => {
      thought += choice?.delta.reasoning_content ?? "";
    });
    const answer = await stream.finalChatCompletion();
    // What the SDK adds is not the API's, and is not sent back.
    const { parsed: _, ...message } = answer.choices[0].message;
    for (const call of message.tool_calls ?? []) delete call.function.parsed_arguments;
    answer.choices[0].message = { ...message, reasoning_content: thought };
    return answer;
  };
  const first = await ask();
  const message = first.choices[0].message;
  messages.push(message);
  for (const call of message.tool_calls) {
    messages.push({ role: "tool", tool_call_id: call.id, content: gives[call.function.name] });
  }
  const last = await ask();
  return {
    thought: message.reasoning_content ?? "",
    text: message.content ?? "",
    calls: message.tool_calls.map(({ function: one }) => [one.name, JSON.parse(one.arguments)]),
    final: last.choices[0].message.content,
    stops: [first.choices[0].finish_reason, last.choices[0].finish_reason],
    usage: [
      first.usage.prompt_tokens,
      first.usage.prompt_tokens_details.cached_tokens,
      first.usage.completion_tokens,
    ],
  };
}

async function finished(events) {
  for await (const event of events) {
    if (event.type === "response.completed") return event.response;
  }
  throw new Error("the stream ended before the response was completed");
}

async function responses(client, job) {
  const input = [{ role: "user", content: task.prompt }];
  const tools = declared.map((tool) => ({ type: "function", strict: false, ...tool }));
  const ask = async () => {
    const said = {
      model: job.model,
      instructions: task.system,
      input,
      tools,
      store: false,
      include: ["reasoning.encrypted_content"],
      reasoning: { effort: "medium", summary: "auto" },
    };
    if (!job.stream) return client.responses.create(said);
    return finished(await client.responses.create({ ...said, stream: true }));
  };
  const textOf = (answer) =>
    answer.output
      .filter((item) => item.type === "message")
      .flatMap((item) => item.content.map((part) => part.text))
      .join("");
  const first = await ask();
  const calls = first.output.filter((item) => item.type === "function_call");
  const thoughts = first.output.filter((item) => item.type === "reasoning");
  input.push(...first.output);
  for (const call of calls) {
    input.push({ type: "function_call_output", call_id: call.call_id, output: gives[call.name] });
  }
  const last = await ask();
  return {
    // What a model says of its thoughts, or the thoughts themselves.
    thought: thoughts
      .flatMap((item) => [...item.summary, ...(item.content ?? [])].map((part) => part.text))
      .join(""),
    text: textOf(first),
    calls: calls.map((call) => [call.name, JSON.parse(call.arguments)]),
    final: textOf(last),
    stops: [first.status, last.status],
    usage: [
      first.usage.input_tokens,
      first.usage.input_tokens_details.cached_tokens,
      first.usage.output_tokens,
    ],
  };
}

async function listed(models) {
  const names = [];
  for await (const model of models) names.push(model.id);
  return { models: names };
}

async function complete(job) {
  const options = { baseURL: `${job.url}/v1`, apiKey: job.key, maxRetries: 0, timeout: 20_000 };
  const client = new OpenAI(options);
  if (job.api === "models") return listed(client.models.list());
  return (job.api === "openai" ? chat : responses)(client, job);
}

async function main() {
  const came = [];
  for (const job of JSON.parse(readFileSync(0, "utf8"))) {
    // One job's failure must not hide the others.
    came.push(await complete(job).catch((error) => ({ error: String(error) })));
  }
  console.log(JSON.stringify(came));
}

main();
