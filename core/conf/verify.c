/*
 * verify.c: a source's `verify` group: presets filled in, and what can't work refused.
 */
#include "conf/setting.h"

#include <string.h>

#include "base/clock.h"

struct preset {
	const char *name;
	struct conf_verify verify;
};

static const struct preset presets[] = {
	/* Base64 of HMAC-SHA-256 over the body; the id is stable over Shopify's own repeats. */
	{"shopify", {.scheme = CONF_VERIFY_HMAC,
			    .algorithm = CONF_SHA256,
			    .encoding = CONF_BASE64,
			    .header = "x-shopify-hmac-sha256",
			    .signature_prefix = "",
			    .signed_text = "{body}",
			    .event_id_header = "x-shopify-webhook-id"}},
	/* "t=1492774577,v1=5257a8..." over "t.body"; several v1 while a secret is being replaced. */
	{"stripe", {.scheme = CONF_VERIFY_HMAC,
			   .algorithm = CONF_SHA256,
			   .encoding = CONF_HEX,
			   .header = "stripe-signature",
			   .signature_prefix = "v1=",
			   .signature_list = true,
			   .signed_text = "{timestamp}.{body}",
			   .event_id_path = "id",
			   .tolerance_ns = 300 * NS_PER_S}},
};

static const char *const hmac_only[] = {
	"algorithm", "encoding", "header", "prefix", "list", "signed", "timestamp_header", "tolerance"};

static bool given(const config_setting_t *group, const char *name)
{
	return config_setting_get_member(group, name) != NULL;
}

/* What the file doesn't say is taken from the preset. */
static void fill(const config_setting_t *group, const struct conf_verify *preset, struct conf_verify *verify)
{
	if (!given(group, "algorithm"))
		verify->algorithm = preset->algorithm;
	if (!given(group, "encoding"))
		verify->encoding = preset->encoding;
	if (!given(group, "list"))
		verify->signature_list = preset->signature_list;
	if (!given(group, "tolerance"))
		verify->tolerance_ns = preset->tolerance_ns;
	if (!verify->header)
		verify->header = preset->header;
	if (!verify->signature_prefix)
		verify->signature_prefix = preset->signature_prefix;
	if (!verify->signed_text)
		verify->signed_text = preset->signed_text;
	if (!verify->event_id_header && !verify->event_id_path) {
		verify->event_id_header = preset->event_id_header;
		verify->event_id_path = preset->event_id_path;
	}
}

/* RFC 9110 section 5.1: a token. Kept in lower case. */
static const char *header_name(
	struct reader *reader, const config_setting_t *group, const char *setting, const char *name)
{
	char *lower;

	if (!name)
		return NULL;
	lower = reader_copy(reader, ep_slice_of(name));
	for (char *at = lower; at && *at; at++) {
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
		else if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9') &&
			 !strchr("!#$%&'*+-.^_`|~", *at)) {
			reader_complain(reader, config_setting_get_member(group, setting),
				"%s is \"%s\", which is not a header's name", setting, name);
			return name;
		}
	}
	return lower;
}

struct placeholders {
	bool timestamp, body, url;
};

static void check_template(
	struct reader *reader, const config_setting_t *group, const char *text, struct placeholders *found)
{
	const config_setting_t *at = config_setting_get_member(group, "signed");

	*found = (struct placeholders){.body = false};
	for (const char *open = text; (open = strpbrk(open, "{}")) != NULL;) {
		size_t length = strcspn(open, "}");

		if (*open == '{' && open[length] == '}') {
			bool *which = strncmp(open, "{timestamp}", length + 1) == 0 ? &found->timestamp
				      : strncmp(open, "{body}", length + 1) == 0    ? &found->body
				      : strncmp(open, "{url}", length + 1) == 0     ? &found->url
										    : NULL;

			if (which) {
				*which = true;
				open += length + 1;
				continue;
			}
		}
		reader_complain(reader, at,
			"signed is \"%s\" (accepted: {body}, {timestamp}, {url} and text without braces)", text);
		found->body = true; /* one complaint is enough */
		return;
	}
	if (!found->body)
		reader_complain(reader, at, "signed is \"%s\": without {body} any body would pass", text);
}

static void resolve_hmac(struct reader *reader, const config_setting_t *group, struct conf_verify *verify)
{
	static const struct conf_verify defaults = {.signature_prefix = "", .signed_text = "{body}"};
	const struct conf_verify *preset = &defaults;
	struct placeholders found;
	bool has_time;

	verify->scheme = CONF_VERIFY_HMAC;
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
		if (strcmp(presets[i].name, verify->preset) == 0)
			preset = &presets[i].verify;
	fill(group, preset, verify);
	verify->header = header_name(reader, group, "header", verify->header);
	verify->timestamp_header = header_name(reader, group, "timestamp_header", verify->timestamp_header);
	if (!verify->header)
		reader_complain(
			reader, group, "header is missing in verify: scheme hmac needs the header of the signature");
	if (verify->signature_list && verify->signature_prefix[0] == '\0')
		reader_complain(reader, group, "prefix is missing in verify: a list needs it, such as \"v1=\"");
	check_template(reader, group, verify->signed_text, &found);
	has_time = verify->timestamp_header || verify->signature_list;
	if (found.timestamp && !has_time)
		reader_complain(reader, config_setting_get_member(group, "signed"),
			"signed has {timestamp}, but there is none: timestamp_header is missing");
	if (!found.timestamp && given(group, "tolerance"))
		reader_complain(reader, config_setting_get_member(group, "tolerance"),
			"tolerance has no meaning: signed has no {timestamp}, so anyone could change it");
	if (found.timestamp && !given(group, "tolerance"))
		verify->tolerance_ns = 300 * NS_PER_S;
}

static void check_secrets(struct reader *reader, const config_setting_t *group, struct conf_verify *verify)
{
	static const char *const names[] = {"secret", "secret_next"};
	const struct conf_secret *const secrets[] = {&verify->secret, &verify->second};

	for (size_t i = 0; i < 2; i++) {
		const config_setting_t *at = config_setting_get_member(group, names[i]);
		const char *text = secrets[i]->data;

		if (!text)
			continue;
		if (verify->scheme == CONF_VERIFY_BASIC && (text[0] == ':' || !memchr(text, ':', secrets[i]->length)))
			reader_complain(reader, at, "%s: scheme basic needs user:password", names[i]);
		for (size_t k = 0; verify->scheme == CONF_VERIFY_BEARER && k < secrets[i]->length; k++) {
			if (text[k] > ' ' && text[k] < 127)
				continue;
			reader_complain(reader, at,
				"%s: a bearer token has visible ASCII characters only, byte %zu isn't one", names[i],
				k);
			break;
		}
	}
}

void verify_resolve(struct reader *reader, const config_setting_t *group, struct conf_verify *verify)
{
	if (!verify->preset)
		return; /* the scheme was complained of */
	if (verify->event_id_header && verify->event_id_path)
		reader_complain(reader, config_setting_get_member(group, "event_id_member"),
			"event_id_member and event_id_header are both given; one is needed");
	verify->event_id_header = header_name(reader, group, "event_id_header", verify->event_id_header);
	if (strcmp(verify->preset, "none") == 0)
		verify->scheme = CONF_VERIFY_NONE;
	else if (strcmp(verify->preset, "bearer") == 0)
		verify->scheme = CONF_VERIFY_BEARER;
	else if (strcmp(verify->preset, "basic") == 0)
		verify->scheme = CONF_VERIFY_BASIC;
	else
		resolve_hmac(reader, group, verify);
	for (size_t i = 0; verify->scheme != CONF_VERIFY_HMAC && i < sizeof(hmac_only) / sizeof(hmac_only[0]); i++)
		if (given(group, hmac_only[i]))
			reader_complain(reader, config_setting_get_member(group, hmac_only[i]),
				"%s has no meaning with scheme %s", hmac_only[i], verify->preset);
	if (verify->scheme == CONF_VERIFY_NONE) {
		if (given(group, "secret") || given(group, "secret_next"))
			reader_complain(reader, group, "scheme none takes no secret: is another scheme meant?");
		return;
	}
	if (!given(group, "secret"))
		reader_complain(reader, group, "secret is missing in verify: scheme %s needs it", verify->preset);
	check_secrets(reader, group, verify);
}
