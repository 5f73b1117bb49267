// Does the task with Google's SDK: jobs as JSON on stdin, what came of them on stdout.
// A job is {api, url, key, model, stream}; the api "models" lists them. What came of it is as in
// sdks.expected.
const { readFileSync } = require("node:fs");
const { GoogleGenAI } = require("@google/genai");

const task = JSON.parse(readFileSync(`${__dirname}/task.json`, "utf8"));
const gives = Object.fromEntries(task.tools.map((tool) => [tool.name, tool.gives]));
const config = {
  systemInstruction: task.system,
  thinkingConfig: { includeThoughts: true },
  tools: [
    {
      functionDeclarations: task.tools.map(({ name, description, parameters }) => ({
        name,
        description,
        parametersJsonSchema: parameters,
      })),
    },
  ],
};

async function ask(client, job, contents) {
  const said = { model: job.model, contents, config };
  const answers = [];
  if (job.stream) {
    for await (const one of await client.models.generateContentStream(said)) answers.push(one);
  } else {
    answers.push(await client.models.generateContent(said));
  }
  const last = answers[answers.length - 1];
  return {
    parts: answers.flatMap((one) => one.candidates?.[0]?.content?.parts ?? []),
    stop: last.candidates[0].finishReason,
    usage: last.usageMetadata,
  };
}

const joined = (parts, thought) =>
  parts
    .filter((part) => Boolean(part.thought) === thought)
    .map((part) => part.text ?? "")
    .join("");

async function listed(models) {
  const names = [];
  for await (const model of models) names.push(model.name.replace("models/", ""));
  return { models: names };
}

async function complete(job) {
  const httpOptions = { baseUrl: job.url, timeout: 20_000 };
  const client = new GoogleGenAI({ apiKey: job.key, httpOptions });
  if (job.api === "models") return listed(await client.models.list());
  const contents = [{ role: "user", parts: [{ text: task.prompt }] }];
  const first = await ask(client, job, contents);
  const calls = first.parts.filter((part) => part.functionCall).map((part) => part.functionCall);
  const results = calls.map((call) => ({
    functionResponse: { id: call.id, name: call.name, response: { output: gives[call.name] } },
  }));
  contents.push({ role: "model", parts: first.parts }, { role: "user", parts: results });
  const last = await ask(client, job, contents);
  const { usage } = first;
  return {
    thought: joined(first.parts, true),
    text: joined(first.parts, false),
    calls: calls.map((call) => [call.name, call.args]),
    final: joined(last.parts, false),
    stops: [first.stop, last.stop],
    usage: [
      usage.promptTokenCount,
      usage.cachedContentTokenCount,
      usage.candidatesTokenCount + (usage.thoughtsTokenCount ?? 0),
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
