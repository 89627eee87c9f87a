// Shows the OpenAPI document, and lets every route be tried as one of the demo's staff members.
const TOKENS = ["demo-owner", "demo-colleague", "demo-assigned", "demo-neighbour"];

const picker = document.getElementById("token");
picker.append(...TOKENS.map((token) => new Option(token)));

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
  ui.preauthorizeApiKey("bearer", picker.value);
}

picker.addEventListener("change", authorize);
