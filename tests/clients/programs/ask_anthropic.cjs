// Does the task with Anthropic's SDK: jobs as JSON on stdin, what came of them on stdout.
// A job is {api, url, key, model, stream}; the api "models" lists them. What came of it is as in
// sdks.expected.
const { readFileSync } = require("node:fs");
const { Anthropic } = require("@anthropic-ai/sdk");

const task = JSON.parse(readFileSync(`${__dirname}/task.json`, "utf8"));
const gives = Object.fromEntries(task.tools.map((tool) => [tool.name, tool.gives]));
const tools = task.tools.map(({ name, description, parameters }) => ({
  name,
  description,
  input_schema: parameters,
}));

function ask(client, job, messages) {
  const said = {
    model: job.model,
    max_tokens: 4000,
    system: task.system,
    thinking: { type: "enabled", budget_tokens: 2000 },
    tools,
    messages,
  };
  return job.stream ? client.messages.stream(said).finalMessage() : client.messages.create(said);
}

const joined = (message, type, member) =>
  message.content
    .filter((block) => block.type === type)
    .map((block) => block[member])
    .join("");

async function listed(models) {
  const names = [];
  for await (const model of models) names.push(model.id);
  return { models: names };
}

async function complete(job) {
  const options = { baseURL: job.url, apiKey: job.key, maxRetries: 0, timeout: 20_000 };
  const client = new Anthropic(options);
  if (job.api === "models") return listed(client.models.list());
  const messages = [{ role: "user", content: task.prompt }];
  const first = await ask(client, job, messages);
  const calls = first.content.filter((block) => block.type === "tool_use");
  const results = calls.map((call) => ({
    type: "tool_result",
    tool_use_id: call.id,
    content: gives[call.name],
  }));
  messages.push({ role: "assistant", content: first.content }, { role: "user", content: results });
  const last = await ask(client, job, messages);
  const { usage } = first;
  return {
    thought: joined(first, "thinking", "thinking"),
    text: joined(first, "text", "text"),
    calls: calls.map((call) => [call.name, call.input]),
    final: joined(last, "text", "text"),
    stops: [first.stop_reason, last.stop_reason],
    usage: [
      usage.input_tokens + usage.cache_read_input_tokens + (usage.cache_creation_input_tokens ?? 0),
      usage.cache_read_input_tokens,
      usage.output_tokens,
    ],
  };
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
