-- An answer to a request is a code, which programs compare; the desk has the words.
alter table reporting.reissue_answers
drop constraint reissue_answers_answer_check,
drop constraint reissue_answers_check;

update reporting.reissue_answers
set answer = 'issued_again'
where answer = 'issued again';

alter table reporting.reissue_answers
add check (answer in ('issued_again', 'declined')),
add check (answer = 'issued_again' or note is not null);
