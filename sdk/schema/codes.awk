# codes.awk: the code lists of ISO 4217 (currencies) and ISO 3166-1 (countries), from the JSON files of iso-codes, as
# sorted tables of letters read as a number to the base 26 (A is 0): core/record searches them.
#   awk -f codes.awk iso_4217.json iso_3166-1.json

function die(text) { print FILENAME ": " text > "/dev/stderr"; failed = 1; exit 1 }
function value(code,   i, n) {
	n = 0
	for (i = 1; i <= length(code); i++) n = n * 26 + index("ABCDEFGHIJKLMNOPQRSTUVWXYZ", substr(code, i, 1)) - 1
	return n
}
function add(list, code, length_wanted) {
	if (code !~ /^[A-Z]+$/ || length(code) != length_wanted) die("not a code: " code)
	if (!((list, value(code)) in text)) count[list]++
	text[list, value(code)] = code
}
function add_all(list, codes, length_wanted,   i, n, code) {
	n = split(codes, code, " ")
	for (i = 1; i <= n; i++) add(list, code[i], length_wanted)
}
function print_table(name, list, values,   i, column) {
	print "static const uint16_t " name "[] = { /* " count[list] " codes */"
	for (i = 0; i < values; i++) {
		if (!((list, i) in text)) continue
		printf "%s%d /* %s */,", (column % 8 ? " " : "\t"), i, text[list, i]
		if (++column % 8 == 0) print ""
	}
	print (column % 8 ? "\n" : "") "};"
}

/"alpha_3":/ && FILENAME ~ /4217/ { split($0, part, "\""); add("currency", part[4], 3); next }
/"alpha_2":/ && FILENAME ~ /3166-1/ { split($0, part, "\""); add("country", part[4], 2); next }

END {
	if (failed) exit 1
	if (count["currency"] < 150 || count["country"] < 240) die("the lists are not those of iso-codes: too few codes")
	# Withdrawn, but in statements and orders of their time, or still in systems that were not changed.
	add_all("currency", "ADP AFA ANG ATS AZM BEF BGL BGN BYB BYR CUC CYP DEM ECS EEK ESP FIM FRF GHC GRD HRK IEP ITL LTL LUF LVL " \
		"MGF MRO MTL MXP MZM NLG PLZ PTE ROL RUR SDD SIT SKK SLL SRG STD TMM TPE TRL UYP VEB VEF YUM ZAL ZMK ZWD ZWL ZWN ZWR", 3)
	# Newer than some releases of iso-codes; metals, funds and test codes of the standard itself.
	add_all("currency", "SLE VED XCG ZWG XAD XAF XAG XAU XBA XBB XBC XBD XCD XDR XOF XPD XPF XPT XSU XTS XUA", 3)
	# Not of the standard, yet what banks write for the offshore renminbi.
	add_all("currency", "CNH", 3)
	# Kosovo (user-assigned, used by the EU, SWIFT and carriers), Northern Ireland (EU VAT and customs).
	add_all("country", "XK XI", 2)
	# Exceptionally or transitionally reserved, and used by carriers, platforms and tax authorities.
	add_all("country", "AC AN CP CS DG EA EL EU EZ IC SU TA TP UK UN YU ZR", 2)
	# High seas and "unknown" in customs and bank data.
	add_all("country", "XZ ZZ", 2)
	print "/* Generated from iso-codes by sdk/schema/codes.awk: don't edit. */"
	print_table("currency_codes", "currency", 26 * 26 * 26)
	print_table("country_codes", "country", 26 * 26)
}
