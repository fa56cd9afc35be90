# generate.awk: makes everything that is derived from the *.def files of this folder.
#   awk -v out=header|tables|lock -f generate.awk [released.lock] errors.def quality.def RECORD.def ...
# header: entrepot/records.h, the numbers that plugins use. tables: core/record's descriptors, a C include.
# lock: what released.lock holds after a release.
# Refuses what would break: a number given twice, an unknown type, a key field that isn't declared, and whatever was
# released (a line of released.lock) and isn't declared the same way any more.

function die(text) { print FILENAME ":" FNR ": " text > "/dev/stderr"; failed = 1; exit 1 }
function upper(name) { name = toupper(name); gsub(/[^A-Z0-9]/, "_", name); return name }
function quote(text) { if (text == "-") text = ""; gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); return "\"" text "\"" }
function declare(line) { declared[line] = 1; lock_text = lock_text line "\n" }
function own_field(record, name) {
	if (name == "") return 0
	if (!((record, name) in field_of)) { print record ": field " name " is not declared" > "/dev/stderr"; failed = 1; exit 1 }
	return field_of[record, name]
}
function trim(text) { sub(/^[ \t]+/, "", text); sub(/[ \t]+$/, "", text); return text }

BEGIN { FS = "|"; OFS = "" }
/^#/ || /^[ \t]*$/ { next }
FILENAME ~ /released\.lock$/ { released[$0] = FNR; lock_file = FILENAME; next }
{ for (i = 1; i <= NF; i++) $i = trim($i); kind = FILENAME; sub(/.*\//, "", kind) }

kind == "errors.def" {
	if (NF != 7) die("an error has 7 columns")
	if (error_seen[$1]++ || error_seen[$2]++ || error_seen[$3]++) die("number, name or code given twice")
	declare("error " $1 " " $2 " " $3)
	error_enum = error_enum "\tEP_ERR_" $2 " = " $1 ",\n"
	error_rows = error_rows "\t{" $1 ", " quote($3) ", " quote($4) ", " quote($5) ", " quote($6) ", " quote($7) "},\n"
	next
}
kind == "quality.def" {
	if (NF != 4) die("a note has 4 columns")
	if (quality_seen[$1]++ || quality_seen[$2]++ || quality_seen[$3]++) die("number, name or code given twice")
	if ($1 + 0 > 63) die("a note's number is 1 to 63")
	declare("quality " $1 " " $2 " " $3)
	quality_enum = quality_enum "\tEP_NOTE_" $2 " = " $1 ",\n"
	quality_rows = quality_rows "\t{" $1 ", " quote($3) ", " quote($4) "},\n"
	next
}
$1 == "record" {
	record = $2; number = $3; split("", field_id); split("", enum_of); fields = 0
	if (record_seen[number]++ || record_seen[record]++) die("record given twice")
	R = upper(record); order[++records] = record
	declare("record " number " " record)
	record_number[record] = number; record_help[record] = $4
	record_enum = record_enum "\tEP_" R " = " number ", /* " $4 " */\n"
	record_each = record_each " X(" number ", " quote(record) ")"
	next
}
$1 == "key" { keys[record] = $2; next }
$1 == "version" { version[record] = $2; next }
$1 == "monetary" { monetary[record] = $2; next }
$1 == "time" { business_time[record] = $2; next }
$1 == "fallback" { fallback[record] = $2; next }
$1 == "enum" {
	name = $2; E = upper(name); enums[name] = ++enum_count
	enum_text = enum_text "\n/* " $3 " */\nenum ep_" name " {\n"
	enum_rows = enum_rows "static const struct schema_code " name "_codes[] = {\n"
	n = split($4, values, " ")
	for (i = 1; i <= n; i++) {
		split(values[i], pair, "=")
		if (pair[2] != i) die("enumerators are numbered from 1 on")
		declare("enum " name " " values[i])
		enum_text = enum_text "\tEP_" E "_" upper(pair[1]) " = " pair[2] (i < n ? "," : "") "\n"
		enum_rows = enum_rows "\t{" pair[2] ", " quote(pair[1]) "},\n"
	}
	enum_text = enum_text "};\n"
	enum_rows = enum_rows "};\n"
	enum_size[name] = n
	next
}
{
	if (NF != 6) die("a field has 6 columns")
	id = $1; name = $2; n = split($3, type, " ")
	if (id !~ /^[0-9]+$/ || id + 0 < 1 || id + 0 > 4094) die("a field's id is 1 to 4094")
	if (id_seen[record, id]++) die("id " id " given twice")
	if (name_seen[record, name]++) die("name " name " given twice")
	T = "SCHEMA_" upper(type[1]); max = 0; codes = "0"; code_count = 0; parent = 0
	if (type[1] == "text" || type[1] == "texts" || type[1] == "iban") max = type[2]
	else if (type[1] == "enum") {
		if (!(type[2] in enums)) die("enum " type[2] " is not declared")
		codes = type[2] "_codes"; code_count = enum_size[type[2]]
	} else if (type[1] == "code") {
		if (type[2] !~ /^(currency|country|unit)$/) die("unknown code list " type[2])
		T = "SCHEMA_CODE_" upper(type[2])
	} else if (type[1] !~ /^(bool|integer|decimal|money|quantity|date|time|person|list|gtin|iban)$/) die("unknown type " type[1])
	dot = match(name, /\.[^.]*$/)
	if (dot) {
		parent = field_id[substr(name, 1, dot - 1)]
		if (!parent || field_type[record, parent] != "list") die("the list of " name " is not declared before it")
	}
	if (dot && type[1] == "person") die("a person's number is a field of the record itself")
	if (++fields > 255) die("a record has at most 255 fields")
	field_type[record, id] = type[1]
	declare("field " record " " id " " name " " type[1] (type[1] ~ /^(enum|code)$/ ? " " type[2] : ""))
	field_id[name] = id
	ids[record] = ids[record] (ids[record] ? "," : "") id
	field_of[record, name] = id
	field_enum[record] = field_enum[record] "\tEP_" R "_" upper(name) " = 0x" sprintf("%04x%04x", number, id) ", /* " $3 ": " $5 " */\n"
	field_row[record, id] = "\t{" id ", " parent ", " T ", " ($4 ~ /personal/ ? "SCHEMA_PERSONAL" : "0") ", " max ", " \
		code_count ", " codes ", " quote(substr(name, dot + 1)) ", " quote($5) ", " quote($6) ", " \
		quote(name) ", " length(name) - dot ", " length(name) "},\n"
	slots[record] = slots[record] "[" id "] = " fields ","
	if (last_id[record] >= id + 0) die("ids grow from line to line, for they give the canonical order")
	last_id[record] = id + 0
	next
}
END {
	if (failed) exit 1
	for (line in released)
		if (!(line in declared)) {
			print lock_file ":" released[line] ": released, and now missing or changed: " line > "/dev/stderr"
			failed = 1
		}
	if (failed) exit 1
	if (out == "lock") {
		printf "%s", lock_text
		exit
	}
	if (out == "header") {
		print "/* Generated from sdk/schema by generate.awk: don't edit. */"
		print "#ifndef ENTREPOT_RECORDS_H\n#define ENTREPOT_RECORDS_H\n"
		print "/* Record types; what each field means, and the standard that it follows, is in sdk/schema. */"
		print "enum ep_record {\n" record_enum "\tEP_RECORD_NONE = 0\n};"
		print "#define EP_EACH_RECORD(X)" record_each
		print enum_text
		for (r = 1; r <= records; r++)
			print "/* " order[r] ": " record_help[order[r]] " */\nenum {\n" field_enum[order[r]] "};\n"
		print "\n/* Errors that a person may be told; the catalogue is errors.def. */"
		print "enum ep_error {\n" error_enum "\tEP_ERR_NONE = 0\n};\n"
		print "/* What `quality` can say of a field; the list is quality.def. */"
		print "enum ep_quality {\n" quality_enum "\tEP_NOTE_NONE = 0\n};\n\n#endif"
		exit
	}
	print "/* Generated from sdk/schema by generate.awk: don't edit. */"
	print enum_rows
	for (r = 1; r <= records; r++) {
		record = order[r]
		print "static const struct schema_field " record "_fields[] = {"
		n = split(ids[record], list, ",")
		for (i = 1; i <= n; i++) printf "%s", field_row[record, list[i]]
		print "};"
		if (business_time[record] != "" && field_type[record, own_field(record, business_time[record])] != "time") {
			print record ": the business time " business_time[record] " is not of type time" > "/dev/stderr"
			exit 1
		}
		m = split(keys[record], parts, " ")
		printf "static const struct schema_key_part %s_key[] = {", record
		for (i = 1; i <= m; i++) {
			split(parts[i], choice, ":")
			printf "{%d, %d},", own_field(record, choice[1]), own_field(record, choice[2])
		}
		print "};"
		print "static const uint8_t " record "_slots[] = {" slots[record] "};"
		counts[record] = n; key_counts[record] = m
	}
	print "static const struct schema_record schema_records[] = {"
	for (r = 1; r <= records; r++) {
		record = order[r]
		print "\t{" record_number[record] ", " counts[record] ", " key_counts[record] ", " \
			own_field(record, version[record]) ", " own_field(record, monetary[record]) ", " record "_fields, " record "_key, " \
			quote(record) ", " quote(record_help[record]) ", " own_field(record, business_time[record]) ", " \
			own_field(record, fallback[record]) ", " last_id[record] ", " length(record) ", " record "_slots},"
	}
	print "};"
	print "static const struct schema_error schema_errors[] = {\n" error_rows "};"
	print "static const struct schema_quality schema_qualities[] = {\n" quality_rows "};"
}
