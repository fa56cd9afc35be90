/*
 * view.c: what status and metrics show beyond the layers' own counts.
 *
 * A destination's pending records: those that it has read and not brought to an end, and all that it has not read yet.
 * The latter are all records there ever were without those that it has passed.
 */
#include "admin/parts.h"
#include "base/clock.h"

int64_t view_age_ns(int64_t then_ns)
{
	int64_t age_ns = then_ns ? clock_realtime_ns() - then_ns : 0;

	return age_ns > 0 ? age_ns : 0;
}

static uint64_t pending(const struct courier_counts *counts, struct pipeline_outbox outbox)
{
	uint64_t passed = counts->delivered + counts->filtered + counts->superseded + counts->dead;

	if (counts->next > outbox.last || outbox.records <= passed + counts->unresolved)
		return counts->unresolved;
	return outbox.records - passed;
}

/* When the message was received whose outcome stands at the position or follows it; 0: none is durable. */
static int64_t received_ns(struct admin *admin, uint64_t position)
{
	struct error error = {0};
	struct journal_frame frame;
	struct outcome outcome;

	if (!admin->reader && journal_reader_open(admin->options.journal, position, &admin->reader, &error) != EP_OK)
		return 0;
	journal_reader_seek(admin->reader, position);
	if (journal_read(admin->reader, JOURNAL_KINDS(JOURNAL_OUTCOME), &frame, &error) != EP_OK ||
		outcome_read(&frame, &outcome) != EP_OK)
		return 0;
	return outcome.received_at_ns;
}

void view_destination(struct admin *admin, size_t index, struct destination_view *view)
{
	view->conf = &admin->options.conf->destinations[index];
	view->counts = courier_counts(admin->options.couriers[index]);
	view->pending = pending(&view->counts, pipeline_outbox(admin->options.pipeline));
	view->oldest_ns = view->pending ? received_ns(admin, view->counts.oldest) : 0;
}

const char *view_destination_state(const struct courier_counts *counts)
{
	if (counts->halted)
		return "halted";
	if (counts->refused)
		return "refused";
	return counts->failures ? "fails" : "works";
}

const char *view_source_state(const struct pipeline_source *source)
{
	if (!source->conf || !source->worker)
		return "not configured";
	if (source->worker->throttled)
		return "throttled";
	return source->worker->pid ? "works" : "idle";
}
