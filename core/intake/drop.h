/*
 * drop.h: drop folders: files put into a source's folder are messages. Who may send is what the folder's permissions say.
 *
 * A file counts at once when it is renamed into the folder, otherwise when it hasn't changed for `stable_for`. Only regular
 * files without a leading dot count, of the folder's owner or of ours; links are never followed. A file is claimed by
 * renaming it into the folder's .claimed, read, looked at again (if it has changed meanwhile, it is read again later),
 * and accepted like any message. When its outcome is known it goes to done/ or failed/, the latter with the outcome
 * object beside it. Whatever is interrupted is taken up at the next start: what was accepted already is a duplicate then.
 */
#ifndef INTAKE_DROP_H
#define INTAKE_DROP_H

#include "intake/accept.h"
#include "intake/body.h"
#include "intake/intake.h"
#include "intake/source.h"

struct drops;

struct drops_options {
	const struct conf *conf;
	struct loop *loop;
	struct acceptor *acceptor;
	struct sources *sources;
	struct body_room *room;
	const struct intake_outcomes *outcomes;
};

/* Opens every folder and makes what is missing beneath it. EP_BAD_CONFIG: a folder that can't be used. */
EP_MUST_CHECK enum ep_status drops_create(
	struct drops **drops, const struct drops_options *options, struct error *error);
void drops_start(struct drops *drops);
/* Claims nothing more. */
void drops_stop(struct drops *drops);
/* Files that are being read or accepted. Those that wait for their outcome only don't count. */
size_t drops_busy(const struct drops *drops);
void drops_destroy(struct drops *drops);

#endif
