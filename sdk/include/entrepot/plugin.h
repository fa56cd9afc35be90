/*
 * plugin.h: the only header that a partner needs.
 *
 * A plugin translates one partner's format into unified records. It is a shared object that exports ep_plugin_v1() and
 * carries an ELF note, both made by EP_PLUGIN_DECLARE. It does no I/O, starts no threads, keeps nothing between calls.
 *
 * Three lifetimes:
 *   plugin    `struct ep_plugin` and the tables that it names: constant, as long as the process.
 *   instance  the plugin's own state struct: zeroed by the host, filled from the options, then read-only.
 *   call      one message. What host->alloc() gives, and every slice that a service returns, dies when parse() returns.
 *
 * The structs of the interface begin with their size and grow only at the end, so that an old plugin runs in a new
 * gateway. Nothing variadic and no libc object crosses the line. Valid C11 and C++17.
 */
#ifndef ENTREPOT_PLUGIN_H
#define ENTREPOT_PLUGIN_H

#include <stddef.h>

#include <entrepot/types.h>
#include <entrepot/records.h> /* generated from sdk/schema: records, fields, code lists, errors, quality notes */

#ifdef __cplusplus
extern "C" {
#endif

#define EP_ABI_MAJOR 1 /* changes with the name of the exported function: another major is refused */
#define EP_ABI_MINOR 0 /* grows when something is added; a plugin of a newer minor than the gateway's is refused */

/* Input ------------------------------------------------------------------------------------------------------- */

/*
 * One piece of the message. Part 0 is the body as sent; what was unpacked or decoded from it follows.
 * `bytes` is one contiguous read-only mapping, followed by at least 64 zero bytes that are not counted.
 */
struct ep_part {
	struct ep_slice bytes;
	struct ep_slice name; /* file name where one is known, else empty */
	struct ep_slice type; /* media type as sent, without parameters, lower case; else empty */
	uint32_t index;       /* the number by which ep_text and ep_place name this part */
	uint32_t charset;     /* enum ep_charset: option `charset` if set, else as the media type says, else EP_UTF8 */
};

struct ep_header {
	struct ep_slice name; /* lower case */
	struct ep_slice value;
};

struct ep_input {
	uint32_t size;
	uint32_t part_count; /* at least 1 */
	const struct ep_part *parts;
	const struct ep_header *headers; /* those that the plugin declared, as far as they were sent */
	uint32_t header_count;
	uint32_t reserved;
	struct ep_slice source; /* name of the configured source */
};

/* Services of the host ------------------------------------------------------------------------------------------ */

struct ep_call; /* one call; opaque */
struct ep_xml;  /* one XML reader; opaque, dies with its call */

/* What kind of JSON value. EP_JSON_ABSENT stands for a member or element that isn't there; it is safe to read on from. */
enum ep_json_kind {
	EP_JSON_ABSENT = 0,
	EP_JSON_NULL = 1,
	EP_JSON_FALSE = 2,
	EP_JSON_TRUE = 3,
	EP_JSON_NUMBER = 4,
	EP_JSON_STRING = 5,
	EP_JSON_ARRAY = 6,
	EP_JSON_OBJECT = 7
};

/* A JSON value: a handle, passed by value, valid for the call, or until the next document of a sequence is opened. */
struct ep_json {
	const void *document;
	uint32_t node;
	uint32_t kind; /* enum ep_json_kind */
};

/*
 * JSON (RFC 8259). open() reads the whole document up to the source's json_max (16 MiB), checks every value and the
 * end, and keeps the text of numbers. Of members with one name the first counts. Depth at most 1,024. It is UTF-8; a
 * part in another charset goes through text->utf8() first. Where a part holds one document after the other, opening the
 * next one ends the handles of the one before: they then read as absent. Their texts stay.
 */
struct ep_json_service {
	uint32_t size;
	uint32_t reserved;
	/* Reads `part` from `offset` on, one document; sets *end to the offset behind it if `end` isn't NULL, else nothing but
	 * white space may follow. EP_END: only white space is left. EP_BAD_INPUT: fail() has been called with the place. */
	enum ep_status (*open)(
		struct ep_call *call, const struct ep_part *part, uint64_t offset, uint64_t *end, struct ep_json *root);
	/* The member, EP_JSON_ABSENT if there is none or `object` is none. */
	struct ep_json (*member)(struct ep_json object, struct ep_slice name);
	/* First element of an array or member of an object; then its next sibling. EP_JSON_ABSENT at the end. */
	struct ep_json (*first)(struct ep_json container);
	struct ep_json (*next)(struct ep_json value);
	/* The member's own name; empty for elements and the root. */
	struct ep_text (*name)(struct ep_json value);
	/* A string's characters, escapes undone; a number, true or false as written. Empty for everything else. */
	struct ep_text (*text)(struct ep_json value);
	/* Where it stands, with a JSON Pointer (RFC 6901) as path. The path is allocated in the call. */
	struct ep_place (*place)(struct ep_json value);
};

/*
 * XML 1.0, read forward, in constant memory, names without their prefix. Document types and entity declarations are
 * refused (EP_ERR_FORBIDDEN_XML). Depth at most 256; text of one element at most 16 MiB; a tag at most 64 KiB. The encoding
 * is that of a byte order mark, else option `charset`, else the declaration's, else the part's: UTF-8, UTF-16, ISO 8859,
 * Windows-125x, CP850, CP852, GB2312, GBK, GB18030. Origins name the bytes as they were sent. What parse() leaves
 * unread is read after it has returned EP_OK: a document that is unsound anywhere fails the message.
 *
 * open() takes a table of the element and attribute names that the plugin knows. child() moves to the next child
 * element of the element that was entered last, passing over what is left of the one before, and returns its
 * 1-based index in that table, EP_XML_OTHER for a name that isn't in it, or 0 when there are no more children (the
 * parent is then left) or the input is wrong (status() tells which, and fail() has been called). Every child() that
 * returned an element enters it: read its children with child() until 0, or its text with text(), or pass over it
 * with skip(): each leaves the element.
 */
#define EP_XML_OTHER UINT32_MAX

struct ep_xml_service {
	uint32_t size;
	uint32_t reserved;
	enum ep_status (*open)(struct ep_call *call, const struct ep_part *part, const char *const *names,
		uint32_t name_count, struct ep_xml **xml);
	uint32_t (*child)(struct ep_xml *xml);
	/* Character data of the entered element and all below it, entities undone, in UTF-8; leaves the element. */
	struct ep_text (*text)(struct ep_xml *xml);
	void (*skip)(struct ep_xml *xml);
	/* An attribute of the element entered last, by its 1-based index in the table; `value.data` NULL if it has none. */
	struct ep_text (*attribute)(struct ep_xml *xml, uint32_t name);
	/* Local name and namespace of the element entered last. */
	struct ep_slice (*name)(struct ep_xml *xml);
	struct ep_slice (*space)(struct ep_xml *xml);
	/* Of the element entered last (also after its text() or skip()), with the path of the elements that lead to it, such as
	 * "Document/BkToCstmrStmt/Stmt/Ntry[3]/Amt": the first of a name has no number. */
	struct ep_place (*place)(struct ep_xml *xml);
	/* EP_OK while reading, EP_END at the end of a sound document, EP_BAD_INPUT after an error. */
	enum ep_status (*status)(struct ep_xml *xml);
};

struct ep_text_service {
	uint32_t size;
	uint32_t reserved;
	/* The part in UTF-8: `part` itself if it is valid UTF-8 (a byte order mark is passed over), else a copy in the call,
	 * whose texts still name the bytes of `part` as their origin. EP_BAD_INPUT: fail() has been called with the offset.
	 * A part with one byte a character is better left as it is: texts cut from it are converted when they are put. */
	enum ep_status (*utf8)(
		struct ep_call *call, const struct ep_part *part, uint32_t charset, struct ep_part *utf8);
	/* EP_OK if the bytes are UTF-8 (RFC 3629, strict), else EP_BAD_INPUT with *offset at the first that isn't. */
	enum ep_status (*check_utf8)(struct ep_slice bytes, uint64_t *offset);
	/* The point in time of a local time in the source's `zone` (an offset or an IANA name; in a gap, the time after it;
	 * of two, the earlier). EP_NO_ZONE if the source declares none. */
	enum ep_status (*zoned)(struct ep_call *call, struct ep_local_time local, struct ep_time *time);
};

enum ep_log_level { EP_LOG_DEBUG = 0, EP_LOG_INFO = 1, EP_LOG_WARN = 2, EP_LOG_ERROR = 3 };

/*
 * Output. Between record_begin() and record_end() fields are put in any order, each once (`texts` fields append).
 * What goes wrong in between (a field given twice, a field of another record, reject()) sticks: the record is rejected
 * with the first error, and later puts do nothing until record_end(), which returns EP_OK if the message goes on
 * without that record, else (on_bad_record = "reject-message") EP_BAD_INPUT, to be returned from parse(). So a plugin
 * need check nothing but record_end(). A field of money takes an unsigned or signed amount as its meaning says.
 * `origin` is the text that the value was read from. An empty text is not put: it is absent. Records exist only when
 * parse() has returned EP_OK.
 */
struct ep_host {
	uint32_t size;
	uint16_t abi_major;
	uint16_t abi_minor;

	void (*record_begin)(struct ep_call *call, uint32_t record);
	void (*put_text)(struct ep_call *call, uint32_t field, struct ep_text text);
	void (*put_code)(struct ep_call *call, uint32_t field, uint32_t enumerator, struct ep_text origin);
	void (*put_bool)(struct ep_call *call, uint32_t field, bool value, struct ep_text origin);
	void (*put_integer)(struct ep_call *call, uint32_t field, int64_t value, struct ep_text origin);
	void (*put_decimal)(struct ep_call *call, uint32_t field, struct ep_decimal value, struct ep_text origin);
	void (*put_money)(struct ep_call *call, uint32_t field, struct ep_money value, struct ep_text origin);
	void (*put_quantity)(struct ep_call *call, uint32_t field, struct ep_quantity value, struct ep_text origin);
	void (*put_date)(struct ep_call *call, uint32_t field, struct ep_date value, struct ep_text origin);
	void (*put_time)(struct ep_call *call, uint32_t field, struct ep_time value, struct ep_text origin);
	/* A person's identity number, in clear; `kind` such as "cn-id" or "passport". The core keeps a keyed hash and a mask. */
	void (*put_person_id)(struct ep_call *call, uint32_t field, struct ep_slice kind, struct ep_text number);
	void (*list_begin)(struct ep_call *call, uint32_t field);
	void (*item_begin)(struct ep_call *call);
	void (*item_end)(struct ep_call *call);
	void (*list_end)(struct ep_call *call);
	/* Says in the record's `quality` that something about `field` deviates; enum ep_quality. */
	void (*note)(struct ep_call *call, uint32_t field, uint32_t quality);
	enum ep_status (*record_end)(struct ep_call *call);
	/* Drops the record that was begun. */
	void (*record_cancel)(struct ep_call *call);

	/* The message can't be read: returns EP_BAD_INPUT, to be returned from parse(). The first call counts. */
	enum ep_status (*fail)(struct ep_call *call, uint32_t error, struct ep_place place, struct ep_slice text);
	/* One record can't be read. If it was begun, it is dropped, and puts do nothing until its record_end(). Returns EP_OK,
	 * or EP_BAD_INPUT where the source's on_bad_record says that nothing may go on: then return that from parse(). */
	enum ep_status (*reject)(struct ep_call *call, uint32_t error, struct ep_place place, struct ep_slice text);
	void (*log)(struct ep_call *call, uint32_t level, struct ep_slice text);
	/* Zeroed memory, aligned to 16, freed after the call; NULL at the source's memory_max. */
	void *(*alloc)(struct ep_call *call, uint64_t size);

	const struct ep_json_service *json;
	const struct ep_xml_service *xml;
	const struct ep_text_service *text;
};

/* Options ------------------------------------------------------------------------------------------------------- */

/* An option is a member of the instance's struct, filled by the host before open(). */
enum ep_option_type {
	EP_OPTION_TEXT = 1,    /* struct ep_slice */
	EP_OPTION_CHAR = 2,    /* char; "tab" or one ASCII character */
	EP_OPTION_INTEGER = 3, /* int64_t, between min and max */
	EP_OPTION_BOOL = 4,    /* bool */
	EP_OPTION_CHOICE = 5   /* uint32_t: index of the value in `choices` ("a|b|c") */
};

#define EP_REQUIRED ((const char *)0) /* as default: the option must be given */

struct ep_option {
	uint32_t size;
	uint32_t type;
	const char *name;
	const char *default_text; /* EP_REQUIRED, or what the option is when it isn't given; "" for an empty text */
	const char *choices;
	const char *help;
	int64_t min;
	int64_t max;
	uint32_t offset;
	uint32_t member_size;
};

#define EP_OPTION_FULL_(state, member, type, fallback, choices, min, max, help)                                        \
	{                                                                                                              \
		(uint32_t)sizeof(struct ep_option), type, #member, fallback, choices, help, min, max,                  \
			(uint32_t)offsetof(state, member), (uint32_t)sizeof(((state *)0)->member)                      \
	}
/* EP_OPTION(struct acme, separator, EP_OPTION_CHAR, ";", "column separator") */
#define EP_OPTION(state, member, type, fallback, help)                                                                 \
	EP_OPTION_FULL_(state, member, type, fallback, (const char *)0, INT64_MIN, INT64_MAX, help)
/* EP_OPTION_RANGE(struct acme, skip_rows, "0", 0, 100, "rows before the header") */
#define EP_OPTION_RANGE(state, member, fallback, min, max, help)                                                       \
	EP_OPTION_FULL_(state, member, EP_OPTION_INTEGER, fallback, (const char *)0, min, max, help)
/* EP_OPTION_ONE_OF(struct acme, sign, "minus", "minus|column", "how a debit is told") */
#define EP_OPTION_ONE_OF(state, member, fallback, choices, help)                                                       \
	EP_OPTION_FULL_(state, member, EP_OPTION_CHOICE, fallback, choices, 0, 0, help)

/* The plugin ---------------------------------------------------------------------------------------------------- */

enum ep_kind {
	EP_KIND_BANK = 1,
	EP_KIND_PAYMENT = 2,
	EP_KIND_PLATFORM = 3,
	EP_KIND_WAREHOUSE = 4,
	EP_KIND_INSURER = 5,
	EP_KIND_CUSTOMS = 6
};

/* Flags of a plugin: equal messages may be meant (stock 5, 4, 5), so the source must choose its `dedupe`. */
#define EP_REPEATS_MEANINGFUL 0x1u
/* Statements: a message with a bad record is refused whole, whatever on_bad_record says. */
#define EP_WHOLE_ONLY 0x2u

/* Reserved callbacks; their structs are opaque to a plugin that doesn't use them. */
struct ep_render_input;
struct ep_plan_input;
struct ep_reply_input;

struct ep_plugin {
	uint32_t size;
	uint16_t abi_major;
	uint16_t abi_minor;
	const char *name;    /* [a-z][a-z0-9_]{0,38} */
	const char *version; /* semantic version, at most 23 characters */
	uint32_t kind;       /* enum ep_kind */
	uint32_t flags;
	const struct ep_option *options;
	uint32_t option_count;
	uint32_t state_size;
	/* After the options were read; may refuse their combination by host->fail() with EP_ERR_PLUGIN_OPTION. May be NULL. */
	enum ep_status (*open)(const struct ep_host *host, struct ep_call *call, void *state);
	/* One message into records. Pure: the same input gives the same records, in the same order. */
	enum ep_status (*parse)(
		const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input);
	enum ep_status (*render)(const struct ep_host *host, struct ep_call *call, const void *state,
		const struct ep_render_input *input);
	enum ep_status (*plan)(
		const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_plan_input *input);
	enum ep_status (*reply)(const struct ep_host *host, struct ep_call *call, const void *state,
		const struct ep_reply_input *input);
};

/* What the gateway reads from the file before it loads anything. Type EP_NOTE_TYPE, owner "entrepot". */
#define EP_NOTE_TYPE 1
#define EP_NOTE_OWNER "entrepot"

struct ep_note {
	uint32_t size;
	uint16_t abi_major;
	uint16_t abi_minor;
	uint32_t kind;
	uint32_t flags;
	char name[40];
	char version[24];
	char headers[256]; /* header names that parse() reads: lower case, separated by blanks */
};

struct ep_elf_note {
	uint32_t name_size;
	uint32_t desc_size;
	uint32_t type;
	char owner[12];
	struct ep_note desc;
};

/*
 * EP_PLUGIN_DECLARE_FULL(name, version, kind, flags, headers, options, option_count, state, open, parse)
 * makes the note and the exported function. EP_PLUGIN_DECLARE is the same for a plugin with an option table, without
 * flags, headers and open().
 */
#define EP_PLUGIN_DECLARE_FULL(plugin_name, plugin_version, plugin_kind, plugin_flags, plugin_headers, table,          \
	table_count, state_type, open_function, parse_function)                                                        \
	EP_EXTERN_C_ __attribute__((visibility("default"))) const struct ep_plugin *ep_plugin_v1(void);                \
	__attribute__((section(".note.entrepot"), used,                                                                \
		aligned(4))) static const struct ep_elf_note ep_elf_note_v1 = {sizeof(EP_NOTE_OWNER),                  \
		sizeof(struct ep_note), EP_NOTE_TYPE, EP_NOTE_OWNER,                                                   \
		{sizeof(struct ep_note), EP_ABI_MAJOR, EP_ABI_MINOR, plugin_kind, plugin_flags, plugin_name,           \
			plugin_version, plugin_headers}};                                                              \
	const struct ep_plugin *ep_plugin_v1(void)                                                                     \
	{                                                                                                              \
		static const struct ep_plugin plugin = {sizeof(struct ep_plugin), EP_ABI_MAJOR, EP_ABI_MINOR,          \
			plugin_name, plugin_version, plugin_kind, plugin_flags, table, table_count,                    \
			sizeof(state_type), open_function, parse_function, 0, 0, 0};                                   \
		return &plugin;                                                                                        \
	}                                                                                                              \
	struct ep_plugin_declared_

#define EP_PLUGIN_DECLARE(plugin_name, plugin_version, plugin_kind, table, state_type, parse_function)                 \
	EP_PLUGIN_DECLARE_FULL(plugin_name, plugin_version, plugin_kind, 0, "", table,                                 \
		sizeof(table) / sizeof((table)[0]), state_type, 0, parse_function)

#ifdef __cplusplus
#define EP_EXTERN_C_ extern "C"
}
#else
#define EP_EXTERN_C_
#endif

#include <entrepot/helpers.h> /* pure helpers, from libentrepot-sdk.a: slices, decimals, dates, CSV, X12 */

#endif
