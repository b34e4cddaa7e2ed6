// What a reader types goes to where the focus is: from the start to the field for the card's number.
document.querySelector("input[name=uid]").focus();
