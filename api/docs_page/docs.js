// Shows the OpenAPI document, and lets every route be tried as one of the demo's staff members.
const TOKENS = ["demo-owner", "demo-colleague", "demo-assigned", "demo-neighbour"];

const token = document.getElementById("token");
const sandbox = document.getElementById("sandbox");
token.append(...TOKENS.map((each) => new Option(each)));

const ui = SwaggerUIBundle({
  url: "../openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  oauth2RedirectUrl: "oauth2-redirect.html", // else it is made of any Host
  onComplete: authorize,
});

function authorize() {
  const name = sandbox.validity.valid ? sandbox.value : "";
  ui.preauthorizeApiKey("bearer", name ? `${token.value}@${name}` : token.value);
}

token.form.addEventListener("input", authorize);
token.form.addEventListener("submit", (event) => event.preventDefault());
